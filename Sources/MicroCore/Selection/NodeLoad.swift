import Synchronization

/// The calls that are in flight on a node, and how long calls have taken lately.
///
/// It is written by all calls at once, without a lock: two that end in the same moment may lose one of the two
/// latencies, which does no harm to an average.
final class NodeLoad: Sendable {
    /// After this time an average has lost half of its weight, in nanoseconds.
    private static let halfLife = 10e9

    /// What a first attempt that was the node's fault counts as, and how far further ones raise the average.
    private static let faultLatency: Int64 = 1_000_000_000

    /// The longest latency that counts, some 36 years: a bound for what a clock that jumps may do.
    private static let longest: Int64 = 1 << 60

    private static let generations = Atomic<UInt64>(0)

    /// When the node became known.
    let created = Uptime.now

    private let calls = Atomic(0)

    /// The average in nanoseconds; 0 while no call has ended.
    private let average = Atomic<Int64>(0)

    /// When the average was taken.
    private let averageTime = Atomic<Int64>(0)

    /// When an attempt was last made on the node only to find out how it does now.
    private let trialTime = Atomic<Int64>(0)

    /// Returns a number that was not given before.
    static func nextGeneration() -> UInt64 { generations.wrappingAdd(1, ordering: .relaxed).newValue }

    var inFlight: Int { calls.load(ordering: .relaxed) }

    func began() { calls.wrappingAdd(1, ordering: .relaxed) }

    func ended() { calls.wrappingSubtract(1, ordering: .relaxed) }

    /// Returns the average latency in nanoseconds as it counts now: it fades while nothing is measured, so that a node
    /// which was slow once is tried again.
    func latency(at now: Uptime) -> Int64? {
        let average = average.load(ordering: .relaxed)
        guard average > 0 else { return nil }
        return max(1, Int64(Double(average) * weight(at: now)))
    }

    /// Takes a latency into the average, at once if it is a peak.
    ///
    /// - Parameters:
    ///   - nanoseconds: How long an attempt took.
    ///   - now: When it ended.
    ///   - outcome: How it ended. A node that fails at once is not a fast one: no error lowers the average, and one that
    ///     is the node's fault doubles it, up to a second.
    func observe(_ nanoseconds: Int64, at now: Uptime, _ outcome: AttemptOutcome) {
        let old = average.load(ordering: .relaxed)
        var new = min(max(1, nanoseconds), Self.longest)
        if outcome == .fault {
            let penalty = old == 0 ? Self.faultLatency : max(old, min(2 &* old, Self.faultLatency))
            new = max(new, penalty)
        } else if new < old || (old == 0 && outcome != .success) {
            guard outcome == .success else { return }
            let weight = weight(at: now)
            new = max(1, Int64(Double(old) * weight + Double(new) * (1 - weight)))
        }
        average.store(new, ordering: .relaxed)
        averageTime.store(now.nanoseconds, ordering: .relaxed)
    }

    /// Returns whether the caller should make an attempt only to find out how the node does now: nothing was measured
    /// for an interval, and nobody else makes one.
    func claimTrial(at now: Uptime, every interval: Int64) -> Bool {
        let last = trialTime.load(ordering: .relaxed)
        let latest = max(last, averageTime.load(ordering: .relaxed))
        guard latest != 0, now.nanoseconds &- latest >= interval else { return false }
        return trialTime.compareExchange(expected: last, desired: now.nanoseconds, ordering: .relaxed)
            .exchanged
    }

    /// How much the average still counts: all of it when it was just taken, and ever less afterwards.
    private func weight(at now: Uptime) -> Double {
        let age = now.nanoseconds &- averageTime.load(ordering: .relaxed)
        return Self.halfLife / (Self.halfLife + Double(max(0, age)))
    }
}

/// How an attempt ended, as far as it matters for the node.
enum AttemptOutcome {
    /// With an answer.
    case success
    /// With an error that says nothing against the node: the service's own, or the caller gave up.
    case error
    /// With an error that is the node's fault.
    case fault

    init(_ error: MicroError?) {
        self =
            switch error {
            case nil: .success
            case let error?: error.isNodeFault ? .fault : .error
            }
    }
}
