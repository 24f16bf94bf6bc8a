import Synchronization

/// The calls that are in flight on a node, and how long calls have taken lately.
///
/// It is written by all calls at once, without a lock: two that end in the same moment may lose one of the two
/// latencies, which does no harm to an average.
final class NodeLoad: Sendable {
    /// After this time an average has lost half of its weight, in nanoseconds.
    private static let halfLife = 10e9

    private static let generations = Atomic<UInt64>(0)

    /// When the node became known.
    let created = Uptime.now

    private let calls = Atomic(0)

    /// The average in nanoseconds; 0 while no call has ended.
    private let average = Atomic<Int64>(0)

    /// When the average was taken.
    private let averageTime = Atomic<Int64>(0)

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
    ///   - isFailure: Whether it failed: then it counts only if it is a peak, since a node that fails at once is not
    ///     a fast one.
    func observe(_ nanoseconds: Int64, at now: Uptime, isFailure: Bool) {
        let old = average.load(ordering: .relaxed)
        var new = max(1, nanoseconds)
        if new < old || (old == 0 && isFailure) {
            guard !isFailure else { return }
            let weight = weight(at: now)
            new = max(1, Int64(Double(old) * weight + Double(new) * (1 - weight)))
        }
        average.store(new, ordering: .relaxed)
        averageTime.store(now.nanoseconds, ordering: .relaxed)
    }

    /// How much the average still counts: all of it when it was just taken, and ever less afterwards.
    private func weight(at now: Uptime) -> Double {
        let age = now.nanoseconds &- averageTime.load(ordering: .relaxed)
        return Self.halfLife / (Self.halfLife + Double(max(0, age)))
    }
}
