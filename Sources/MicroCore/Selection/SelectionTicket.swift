/// How an attempt on a node ended.
public struct AttemptResult: Sendable {
    /// The node that was called.
    public let candidate: Candidate

    /// The service whose node it is.
    public let service: String

    /// The endpoint, `Type.Method`.
    public let endpoint: String

    /// Why it failed; `nil` if it succeeded.
    ///
    /// The status `cancelled` says nothing of the node: the caller gave the call up. By ``MicroError/id`` a service's
    /// own errors are told from those of client and transport.
    public let error: MicroError?

    /// How long it took, from when there was a connection.
    public let duration: Duration

    /// Whether it failed by the node's fault: the node was unavailable or too late, or the connection failed.
    public var isNodeFault: Bool { error?.isNodeFault ?? false }
}

/// An attempt in progress on the node that a selector has chosen.
///
/// It is finished exactly once, which the compiler sees to: it can't be copied, and finishing consumes it. One that is
/// dropped unfinished counts no longer as in flight.
package struct SelectionTicket: ~Copyable, Sendable {
    private let candidate: Candidate
    private let signals: SelectionSignals
    private var start: Uptime
    private var isFinished = false

    /// Begins an attempt.
    ///
    /// - Parameters:
    ///   - candidate: The node.
    ///   - signals: What is measured.
    ///   - now: The present moment, asked for only if something needs it.
    package init(
        _ candidate: Candidate, _ signals: SelectionSignals, now: @autoclosure () -> Uptime = .now
    ) {
        self.candidate = candidate
        self.signals = signals
        start = signals.needsTime ? now() : Uptime(nanoseconds: 0)
        if signals.contains(.callsInFlight) { candidate.load.began() }
    }

    /// Starts the clock anew: there is a connection now, which the attempt had to wait for.
    package mutating func connected(now: @autoclosure () -> Uptime = .now) {
        if signals.needsTime { start = now() }
    }

    /// Ends the attempt and reports it.
    ///
    /// - Parameters:
    ///   - error: Why it failed; `nil` if it succeeded.
    ///   - selector: The selector that has chosen the node.
    ///   - service: The service that was called.
    ///   - endpoint: The endpoint.
    ///   - isStream: Whether it was as long as the peers wanted it to be, so that its length is no latency.
    ///   - now: The present moment, asked for only if something needs it.
    package consuming func finish(
        _ error: MicroError?, selector: any Selector, service: String, endpoint: String,
        isStream: Bool = false,
        now: @autoclosure () -> Uptime = .now
    ) {
        isFinished = true
        if signals.contains(.callsInFlight) { candidate.load.ended() }
        guard signals.needsTime else { return }
        let now = now()
        let taken = max(0, now.nanoseconds &- start.nanoseconds)
        if signals.contains(.latency) {
            let outcome = AttemptOutcome(error)
            if !isStream || outcome == .fault {
                candidate.load.observe(isStream ? 0 : taken, at: now, outcome)
            }
        }
        guard signals.contains(.outcomes) else { return }
        selector.attemptEnded(
            AttemptResult(
                candidate: candidate, service: service, endpoint: endpoint, error: error,
                duration: .nanoseconds(taken)))
    }

    deinit {
        if !isFinished, signals.contains(.callsInFlight) { candidate.load.ended() }
    }
}
