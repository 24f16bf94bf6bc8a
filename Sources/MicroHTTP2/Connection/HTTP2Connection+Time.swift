import NIOCore

// Deadlines, and peers that keep us waiting.
extension HTTP2Connection {
    /// How exactly deadlines are kept.
    static let tickLength: TimeAmount = .milliseconds(5)

    /// Gives the peer the time of a handshake to greet us.
    func expectGreeting() {
        let due = time + TimeAmount(limits.handshakeTimeout)
        greetingDue = due
        watchDeadline(due)
    }

    /// A header block that goes on in the next read has to end some time: it stops the whole connection.
    func watchHeaders() {
        guard scanner.isInsideHeaders else { return headersDue = nil }
        guard headersDue == nil, !hasClosed else { return }
        let due = time + stallTimeout
        headersDue = due
        watchDeadline(due)
    }

    /// Sees to it that a deadline is kept, of a stream or of the connection: one timer stands for all of them.
    func watchDeadline(_ deadline: NIODeadline) {
        if let tick, tick.due <= deadline + Self.tickLength { return }
        tick?.task.cancel()
        let due = max(deadline, time + Self.tickLength)
        let bound = NIOLoopBound(self, eventLoop: loop)
        tick = (due, loop.scheduleTask(deadline: due) { bound.value.ticked() })
    }

    private func ticked() {
        tick = nil
        guard !hasClosed else { return }
        time = .now()
        if endIfStuck() { return }
        for stream in streams.all {
            if let due = stream.endDue, due <= time { stream.deadlinePassed() }
            if let due = stream.stallDue, due <= time { stream.stalled() }
        }
        for stream in streams.all {
            if let due = stream.endDue, due > time { watchDeadline(due) }
            if let due = stream.stallDue, due > time { watchDeadline(due) }
        }
        if !queue.isEmpty { checkQueue() }
        keepAlive()
        flush()
    }

    /// Ends the connection of a peer that keeps it as a whole waiting for too long.
    private func endIfStuck() -> Bool {
        for due in [greetingDue, headersDue] {
            if let due, due > time { watchDeadline(due) }
        }
        if let greetingDue, greetingDue <= time {
            session.terminate(.settingsTimeout)
            hangUp("The peer did not send its settings, or acknowledge ours, in time.")
        } else if let headersDue, headersDue <= time {
            refuse(.unfinishedHeaders)
        } else if let blockedSince {
            let due = blockedSince + stallTimeout
            if due <= time {
                close("The peer does not take what it is sent.")
            } else {
                watchDeadline(due)
            }
        }
        return hasClosed
    }

    private func keepAlive() {
        guard let interval = limits.keepaliveInterval else { return }
        if let pingDue {
            guard pingDue > time else {
                return close("The peer did not answer a ping; the connection is lost.")
            }
            return watchDeadline(pingDue)
        }
        let next = lastRead + TimeAmount(interval)
        guard next <= time else { return watchDeadline(next) }
        session.submitPing()
        let due = time + TimeAmount(limits.keepaliveTimeout)
        pingDue = due
        // An answered ping is followed by the next interval, however long it might have taken.
        watchDeadline(min(due, time + TimeAmount(interval)))
    }
}
