public import MicroCore

/// How the nodes of calls are chosen, for one service or one call, where it differs from the client's way.
///
/// ```swift
/// let steady = Routing(selector: .named("hash"), filter: NodeFilter(zone: "a"))
/// let client = MicroClient(routing: ["store": steady])
/// let reply = try await client.call(
///     "greeter", "Greeter.Hello", request, returning: HelloReply.self, options: CallOptions(routing: steady))
/// ```
///
/// Make one where calls are frequent, and keep it. What a call's routing leaves open is the service's.
public final class Routing: Sendable {
    /// The rule by which one of the nodes is picked; the client's if `nil`.
    public let selector: SelectorChoice?

    /// Which nodes are considered; all if `nil`.
    public let filter: NodeFilter?

    /// What share of the calls goes to one version; no version is preferred if `nil`.
    public let canary: Canary?

    /// The rule that was given as a value.
    let given: SelectorUse?

    /// Creates a routing.
    ///
    /// - Parameters:
    ///   - selector: The rule by which one of the nodes is picked.
    ///   - filter: Which nodes are considered.
    ///   - canary: What share of the calls goes to one version.
    public init(selector: SelectorChoice? = nil, filter: NodeFilter? = nil, canary: Canary? = nil) {
        self.selector = selector
        self.filter = filter
        self.canary = canary
        if case .value(let selector) = selector?.kind { given = SelectorUse(selector) } else { given = nil }
    }
}

/// A share of the calls that one version of a service gets, such as a new one that is tried out.
public struct Canary: Hashable, Sendable {
    /// The version.
    public let version: String

    /// Which part of the calls it gets, from 0 to 1; the other versions get the rest.
    public let share: Double

    /// Creates a share.
    ///
    /// If there are no nodes of the version, or of no other one, those that there are get all calls.
    ///
    /// - Parameters:
    ///   - version: The version.
    ///   - share: Which part of the calls it gets, from 0 to 1. Calls with a ``CallOptions/routingKey`` are told apart
    ///     by that, so that what belongs together goes to one version.
    public init(version: String, share: Double) {
        self.version = version
        self.share = share.isNaN ? 0 : min(max(share, 0), 1)
    }

    /// Returns whether a call is one of those that the version gets.
    func takes(key: String?, _ random: SharedRandom) -> Bool {
        guard let key else { return random.happens(share) }
        // Mixed once more, so that the version's keys are not those of particular nodes.
        return Double(StableHash.mix(StableHash.of(key)) >> 11) * 0x1p-53 < share
    }
}

/// A selector, by its name or as a value.
public struct SelectorChoice: Sendable {
    enum Kind {
        case name(String)
        case value(any Selector)
    }

    let kind: Kind

    /// The selector of a plugin, such as `leastloaded`.
    ///
    /// It is made, with its variables, when a call first needs it, once for all that name it.
    ///
    /// - Parameter name: What the variable `MICRO_SELECTOR` would say.
    /// - Returns: The choice.
    public static func named(_ name: String) -> Self { Self(kind: .name(name)) }

    /// A selector that was made in code.
    ///
    /// It is used as it is: its `prepare(_:)` and `run()` are not called.
    ///
    /// - Parameter selector: The selector.
    /// - Returns: The choice.
    public static func using(_ selector: any Selector) -> Self { Self(kind: .value(selector)) }
}

/// A selector in use, with what it wants to be measured, which is asked for once.
final class SelectorUse: Sendable {
    let selector: any Selector
    let signals: SelectionSignals

    init(_ selector: any Selector) {
        self.selector = selector
        signals = selector.signals
    }
}
