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
    package init(_ candidate: Candidate, _ signals: SelectionSignals) {
        self.candidate = candidate
        self.signals = signals
        start = signals.needsTime ? .now : Uptime(nanoseconds: 0)
        if signals.contains(.callsInFlight) { candidate.load.began() }
    }

    /// Starts the clock anew: there is a connection now, which the attempt had to wait for.
    package mutating func connected() {
        if signals.needsTime { start = .now }
    }

    /// Ends the attempt and reports it.
    ///
    /// - Parameters:
    ///   - error: Why it failed; `nil` if it succeeded.
    ///   - selector: The selector that has chosen the node.
    ///   - service: The service that was called.
    ///   - endpoint: The endpoint.
    package consuming func finish(
        _ error: MicroError?, selector: any Selector, service: String, endpoint: String
    ) {
        isFinished = true
        if signals.contains(.callsInFlight) { candidate.load.ended() }
        guard signals.needsTime else { return }
        let now = Uptime.now
        let taken = max(0, now.nanoseconds &- start.nanoseconds)
        if signals.contains(.latency) { candidate.load.observe(taken, at: now, isFailure: error != nil) }
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
