import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// Whether a node could be connected to lately.
///
/// A node whose connection failed is passed over while its service has another one. Once its back-off has
/// passed, one attempt to connect finds out whether it is back; no call waits for that attempt.
final class NodeHealth: Sendable {
    private static let backoff = ExponentialBackoff(first: .seconds(1), longest: .seconds(30))

    /// How long an attempt to connect lasts at least, without an answer, to count as the node's failure.
    static let patience = Duration.seconds(1)

    /// The time limit of a probe.
    static let probeLimit = Duration.seconds(5)

    /// The end of the back-off in ``Uptime``; 0 for a node that can be reached as far as is known.
    private let retryTime = Atomic<Int64>(0)
    private let failures = Atomic<Int>(0)

    /// Whether the node is to be passed over.
    var isDown: Bool { retryTime.load(ordering: .relaxed) != 0 }

    /// Marks the node: it could not be connected to.
    func connectFailed(now: Uptime) {
        let count = failures.wrappingAdd(1, ordering: .relaxed).oldValue
        let end = now.nanoseconds &+ Self.backoff.delay(attempt: count).nanosecondsClamped
        retryTime.store(max(end, 1), ordering: .relaxed)
    }

    /// Clears the mark: the node was connected to.
    func connected() {
        failures.store(0, ordering: .relaxed)
        retryTime.store(0, ordering: .relaxed)
    }

    /// Returns whether the caller is the one who should probe the node now.
    ///
    /// It is at most one caller for each back-off.
    func claimProbe(now: Uptime) -> Bool {
        let due = retryTime.load(ordering: .relaxed)
        guard due != 0, now.nanoseconds >= due else { return false }
        let next = now.nanoseconds &+ (Self.probeLimit * 2).nanosecondsClamped
        return retryTime.compareExchange(expected: due, desired: next, ordering: .relaxed).exchanged
    }
}
