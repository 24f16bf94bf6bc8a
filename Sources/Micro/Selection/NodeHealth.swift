import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// Whether a node is to be called: whether it could be connected to lately, and how its calls have ended.
///
/// A node whose connection failed, or that was ejected for what it answered, is passed over while its service has
/// another one. Once its back-off has passed, one attempt to connect finds out whether it is back, and for an ejected
/// node its health service is asked as well; no call waits for that attempt.
final class NodeHealth: Sendable {
    private static let backoff = ExponentialBackoff(first: .seconds(1), longest: .seconds(30))

    /// How long an attempt to connect lasts at least, without an answer, to count as the node's failure.
    static let shortestFailure = Duration.seconds(1)

    /// The time limit of a probe.
    static let probeLimit = Duration.seconds(5)

    /// Who ejects the node; `nil` for one of which nothing is counted.
    let detector: OutlierDetector?

    /// What the calls on the node have shown; `nil` if nobody wants to know.
    let outcomes: NodeOutcomes?

    /// The end of the back-off in ``Uptime``; 0 for a node that can be called as far as is known.
    private let retryTime = Atomic<Int64>(0)
    private let failures = Atomic<Int>(0)
    private let ejected = Atomic(false)

    /// Until when the node gets less than its share of the calls, in ``Uptime``; 0 for a node that has all of it.
    private let warmTime = Atomic<Int64>(0)

    /// Creates the health of a node that has not been called yet.
    ///
    /// - Parameter detector: Who ejects the node, and counts changes.
    init(_ detector: OutlierDetector? = nil) {
        self.detector = detector
        outcomes = detector?.settings.isOn == true ? NodeOutcomes() : nil
    }

    /// Whether the node is to be passed over.
    var isDown: Bool { retryTime.load(ordering: .relaxed) != 0 }

    /// Whether that is for what it has answered, and not for a failed connection.
    var isEjected: Bool { ejected.load(ordering: .relaxed) }

    /// Marks the node: it could not be connected to.
    func connectFailed(now: Uptime) {
        let count = failures.wrappingAdd(1, ordering: .relaxed).oldValue
        passOver(until: now.nanoseconds &+ Self.backoff.delay(attempt: count).nanosecondsClamped)
    }

    /// Clears the mark, unless the node is ejected: it was connected to.
    func connected() {
        // The usual case changes nothing.
        guard isDown else { return }
        failures.store(0, ordering: .relaxed)
        if !isEjected { passOver(until: 0) }
    }

    /// Has the node passed over for a while, for what it has answered.
    func eject(now: Uptime, for time: Duration) {
        ejected.store(true, ordering: .relaxed)
        passOver(until: now.nanoseconds &+ time.nanosecondsClamped)
    }

    /// Takes an ejected node back.
    func readmit() {
        ejected.store(false, ordering: .relaxed)
        outcomes?.reset()
        passOver(until: 0)
    }

    /// Has a node that is passed over probed with the next call: it has registered anew.
    func makeProbeDue() {
        if isDown { passOver(until: 1) }
    }

    private func passOver(until end: Int64) {
        retryTime.store(end == 0 ? 0 : max(end, 1), ordering: .relaxed)
        detector?.changed()
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

    /// Has the node get its share of the calls little by little.
    ///
    /// - Parameter end: When it has all of it.
    func warmUp(until end: Uptime) { warmTime.store(end.nanoseconds, ordering: .relaxed) }

    /// Whether the node gets less than its share.
    var isWarmingUp: Bool { warmTime.load(ordering: .relaxed) != 0 }

    /// Returns the part of its share that the node gets, from a tenth to 1.
    ///
    /// - Parameters:
    ///   - now: The present moment.
    ///   - window: The time over which the share grows.
    /// - Returns: The part.
    func share(now: Uptime, window: Duration) -> Double {
        let left = warmTime.load(ordering: .relaxed) &- now.nanoseconds
        let whole = window.nanosecondsClamped
        // Beyond that the clock has jumped, and the node would wait without end.
        guard left > 0, left / 2 <= whole else {
            warmTime.store(0, ordering: .relaxed)
            return 1
        }
        return max(0.1, 1 - Double(left) / Double(whole))
    }
}
