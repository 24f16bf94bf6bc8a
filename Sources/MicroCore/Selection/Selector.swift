/// A rule by which a client picks one of a service's nodes for each attempt of a call.
///
/// ```swift
/// /// Picks the one of two random nodes that has fewer calls in flight.
/// struct FewerCallsSelector: Selector {
///     let signals: SelectionSignals = .callsInFlight
///
///     func choose(from candidates: Candidates, for call: SelectionContext) -> Int? {
///         let (one, other) = (Int.random(in: candidates.indices), Int.random(in: candidates.indices))
///         return candidates[one].callsInFlight <= candidates[other].callsInFlight ? one : other
///     }
/// }
/// ```
///
/// A selector is shared by all calls of a client, which may ask concurrently and on the hot path: it answers at
/// once and never blocks. What it remembers is bounded, however many services and nodes there are.
///
/// The engine offers only nodes that may be called: while there are others it leaves out those that the call has tried
/// already and those that could not be connected to lately. So a selector need not know of either.
///
/// Run `SelectorConformance` of `MicroTesting` against a selector that you write.
public protocol Selector: Part {
    /// What the engine measures for the selector; nothing by default. It is read once.
    ///
    /// A call costs nothing for what no selector wants.
    var signals: SelectionSignals { get }

    /// Picks a node.
    ///
    /// A choice may come to nothing: the engine asks again for the next attempt, and sometimes before the first.
    ///
    /// - Parameters:
    ///   - candidates: The nodes that can be called; never empty, in a stable order.
    ///   - call: The call, and what has become of it so far.
    /// - Returns: The position of the chosen node in `candidates`; `nil`, or a position outside, if none will do, which
    ///   ends the call.
    func choose(from candidates: Candidates, for call: SelectionContext) -> Int?

    /// Records how an attempt on a chosen node ended.
    ///
    /// It is called exactly once for each attempt, if ``signals`` has ``SelectionSignals/outcomes``; a streaming call's
    /// attempt lasts as long as the call. Attempts on an address that the caller gave are not reported.
    ///
    /// - Parameter attempt: The attempt.
    func attemptEnded(_ attempt: AttemptResult)
}

extension Selector {
    /// Nothing is measured.
    public var signals: SelectionSignals { [] }

    /// Records nothing.
    public func attemptEnded(_ attempt: AttemptResult) {}
}

/// What the engine measures for a selector.
public struct SelectionSignals: OptionSet, Sendable {
    /// The bits of the set.
    public let rawValue: UInt8

    /// Creates a set.
    ///
    /// - Parameter rawValue: The bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// ``Candidate/callsInFlight`` of each node.
    public static var callsInFlight: Self { Self(rawValue: 1) }

    /// ``SelectionContext/latency(of:)`` of each node.
    public static var latency: Self { Self(rawValue: 2) }

    /// ``Selector/attemptEnded(_:)`` after each attempt.
    public static var outcomes: Self { Self(rawValue: 4) }

    /// Whether the length of attempts is measured.
    package var needsTime: Bool { !isDisjoint(with: [.latency, .outcomes]) }
}
