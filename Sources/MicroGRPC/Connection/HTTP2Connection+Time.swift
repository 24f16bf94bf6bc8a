import CNghttp2
import NIOCore

// Deadlines, and peers that keep us waiting.
extension HTTP2Connection {
    /// How exactly deadlines are kept.
    static let tickLength: TimeAmount = .milliseconds(5)

    /// Gives the peer the time of a handshake to greet us.
    final func expectGreeting() {
        let due = now + TimeAmount(limits.handshakeTimeout)
        greetingDue = due
        watchDeadline(due)
    }

    /// A header block that goes on in the next read has to end some time: it stops the whole connection.
    final func watchHeaders() {
        guard scanner.isInsideHeaders else { return headersDue = nil }
        guard headersDue == nil, !isClosed else { return }
        let due = now + stallTimeout
        headersDue = due
        watchDeadline(due)
    }

    /// Sees to it that a deadline is kept, of a stream or of the connection: one timer stands for all of them.
    final func watchDeadline(_ deadline: NIODeadline) {
        if let tick, tick.due <= deadline + Self.tickLength { return }
        tick?.task.cancel()
        let due = max(deadline, now + Self.tickLength)
        let bound = NIOLoopBound(self, eventLoop: loop)
        tick = (due, loop.scheduleTask(deadline: due) { bound.value.ticked() })
    }

    private final func ticked() {
        tick = nil
        guard !isClosed else { return }
        now = .now()
        if endIfStuck() { return }
        for stream in streams {
            if let deadline = stream.deadline, deadline <= now { stream.expire() }
            if let patience = stream.patience, patience <= now { stream.patienceEnded() }
        }
        for stream in streams {
            if let deadline = stream.deadline, deadline > now { watchDeadline(deadline) }
            if let patience = stream.patience, patience > now { watchDeadline(patience) }
        }
        checkWaitingCalls()
        keepAlive()
        flush()
    }

    /// Ends the connection of a peer that keeps it as a whole waiting for too long.
    private final func endIfStuck() -> Bool {
        for due in [greetingDue, headersDue] {
            if let due, due > now { watchDeadline(due) }
        }
        if let greetingDue, greetingDue <= now {
            session.terminate(NGHTTP2_SETTINGS_TIMEOUT)
            hangUp("The peer did not send its settings, or acknowledge ours, in time.")
        } else if let headersDue, headersDue <= now {
            refuse(.unfinishedHeaders)
        } else if let blockedSince {
            let due = blockedSince + stallTimeout
            if due <= now {
                close("The peer does not take what it is sent.")
            } else {
                watchDeadline(due)
            }
        }
        return isClosed
    }

    private final func keepAlive() {
        guard let interval = limits.keepaliveInterval else { return }
        if let pingDue {
            guard pingDue > now else {
                return close("The peer did not answer a ping; the connection is lost.")
            }
            return watchDeadline(pingDue)
        }
        let next = lastRead + TimeAmount(interval)
        guard next <= now else { return watchDeadline(next) }
        session.submitPing()
        let due = now + TimeAmount(limits.keepaliveTimeout)
        pingDue = due
        // An answered ping is followed by the next interval, however long it might have taken.
        watchDeadline(min(due, now + TimeAmount(interval)))
    }
}
