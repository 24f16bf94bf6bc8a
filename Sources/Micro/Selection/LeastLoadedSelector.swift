public import MicroCore

/// Picks the less loaded one of two random nodes: `MICRO_SELECTOR=leastloaded`.
///
/// A node's load is its latency times the calls that it would have in flight with this one. The latency is an average
/// that a slow call raises at once, so that a node which stalls gets no calls after the first, and that calls which
/// fail never lower. Two random nodes suffice: the best of all would be found by all clients at once and overrun.
///
/// A node that was never called gets one call, and the next ones when that has ended. One that looks bad gets a call
/// every ten seconds all the same, so that it is found out when it is well again.
public final class LeastLoadedSelector: Selector {
    /// The latency of a node of which none was measured while it has calls in flight.
    private static let unknownLatency: Int64 = 1_000_000_000

    /// After which time without a measurement a node that looks bad is tried.
    private static let trialInterval = Duration.seconds(10)

    private let random = SharedRandom()

    /// Creates a selector.
    public init() {}

    /// Calls in flight and latency are measured.
    public var signals: SelectionSignals { [.callsInFlight, .latency] }

    /// Picks a node.
    public func choose(from candidates: Candidates, for call: SelectionContext) -> Int? {
        guard candidates.count > 1 else { return candidates.isEmpty ? nil : 0 }
        let (one, other) = random.pair(below: candidates.count)
        let isFirst = cost(candidates[one], call) <= cost(candidates[other], call)
        let (better, worse) = isFirst ? (one, other) : (other, one)
        return candidates[worse].claimTrial(at: call.time, every: Self.trialInterval) ? worse : better
    }

    private func cost(_ candidate: Candidate, _ call: SelectionContext) -> Double {
        let inFlight = candidate.callsInFlight
        guard let latency = candidate.latency(at: call.time) else {
            return inFlight == 0 ? 0 : Double(Self.unknownLatency) * Double(inFlight + 1)
        }
        return Double(latency) * Double(inFlight + 1)
    }
}

extension Selector where Self == LeastLoadedSelector {
    /// Picks the less loaded one of two random nodes.
    public static var leastLoaded: Self { LeastLoadedSelector() }
}
