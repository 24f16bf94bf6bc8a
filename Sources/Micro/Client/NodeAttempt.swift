import MicroCore

/// An attempt of a call on a node, and what is measured of it: what the selector wants, and what the ejection of nodes
/// needs.
///
/// It is finished once. One that is dropped, as when the caller is gone, says nothing of the node.
struct NodeAttempt: ~Copyable {
    private let slot: PooledConnection
    private let selection: SelectorUse?
    private var ticket: SelectionTicket?

    /// When it began, in ``Uptime``, if its length is to be compared with other nodes'; else 0.
    private var sampleStart: Int64 = 0

    /// Whether there is a connection; before, its failure is the connection's, which ``NodeHealth`` counts itself.
    private var isConnected: Bool

    /// Begins an attempt.
    ///
    /// - Parameters:
    ///   - choice: The node.
    ///   - selection: The selector that has chosen it.
    ///   - isConnected: Whether there is a connection.
    ///   - now: The present moment, asked for only if something needs it.
    init(
        _ choice: NodeSnapshot.Choice, _ selection: SelectorUse, isConnected: Bool,
        now: @autoclosure () -> Uptime = .now
    ) {
        slot = choice.slot
        self.isConnected = isConnected
        if selection.signals.isEmpty {
            self.selection = nil
        } else {
            self.selection = selection
            ticket = SelectionTicket(choice.slot.candidate, selection.signals, now: choice.time)
        }
        if isConnected { startSample(now()) }
    }

    /// Restarts the clock: there is a connection now, which the attempt had to wait for.
    mutating func connected() {
        isConnected = true
        ticket?.connected()
        startSample(.now)
    }

    private mutating func startSample(_ now: @autoclosure () -> Uptime) {
        if let outcomes = slot.health.outcomes, outcomes.wantsSample { sampleStart = now().nanoseconds }
    }

    /// Ends the attempt.
    ///
    /// - Parameters:
    ///   - error: Why it failed; `nil` if it succeeded.
    ///   - isStream: Whether it was a streaming call, whose length is no latency.
    ///   - service: The service that was called.
    ///   - endpoint: The endpoint.
    ///   - now: The present moment, asked for only if something needs it.
    /// - Returns: The node, and how often calls on it have failed in a row, if this one did by the node's fault.
    consuming func finish(
        _ error: MicroError?, isStream: Bool, service: @autoclosure () -> String, endpoint: String,
        now: @autoclosure () -> Uptime = .now
    ) -> (slot: PooledConnection, failures: Int)? {
        if let ticket = ticket.take(), let selection {
            ticket.finish(
                error, selector: selection.selector, service: service(), endpoint: endpoint,
                isStream: isStream,
                now: now())
        }
        guard isConnected, let outcomes = slot.health.outcomes else { return nil }
        guard let error else {
            outcomes.succeeded()
            if sampleStart != 0, !isStream { outcomes.took(now().nanoseconds &- sampleStart) }
            return nil
        }
        if error.isNodeFault { return (slot, outcomes.failed()) }
        // A caller who gave up has no answer.
        if error.status != .cancelled { outcomes.succeeded() }
        return nil
    }
}
