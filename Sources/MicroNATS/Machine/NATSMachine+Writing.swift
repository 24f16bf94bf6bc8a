internal import NIOCore

// What is written on the connection, and what can't be.
extension NATSMachine {
    /// What is written at once, in this order.
    struct Output {
        var control: ByteBuffer?
        var messages: ByteBuffer
        var pings: ByteBuffer?

        /// The number of bytes.
        var size: Int {
            messages.readableBytes + (control?.readableBytes ?? 0) + (pings?.readableBytes ?? 0)
        }
    }

    /// Has everything written that is to be written.
    ///
    /// - Parameter urgency: When.
    mutating func flush(_ urgency: Urgency) {
        if urgency == .soon {
            guard !isFlushScheduled else { return }
            isFlushScheduled = true
        }
        perform(.flush(urgency))
    }

    /// Takes all that is to be written; what comes until ``written()`` follows it.
    ///
    /// - Returns: What is to be written; `nil` if there is nothing, or nothing may be written now.
    mutating func nextOutput() -> Output? {
        isFlushScheduled = false
        guard let stage = link?.stage, stage == .open || stage == .leaving, !isWriting else { return nil }
        if stage == .leaving {
            // The connection ends with the answer to the last question; what comes behind it would be lost.
            guard link?.hasWrittenLast == false else { return nil }
            link?.hasWrittenLast = pingsWanted > 0
        }
        outbox.take(in: &inFlight)
        guard inFlight.readableBytes > 0 || control.readableBytes > 0 || pingsWanted > 0 else {
            // Nothing is being written, so the next publisher must wake us up.
            if outbox.next() != .nothing { flush(.soon) }
            return nil
        }
        isWriting = true
        var output = Output(messages: inFlight)
        if control.readableBytes > 0 {
            output.control = control
            control = ByteBuffer()
        }
        if pingsWanted > 0 {
            output.pings = ByteBuffer(string: String(repeating: "PING\r\n", count: pingsWanted))
            pingsWanted = 0
        }
        return output
    }

    /// Goes on behind what was written.
    mutating func written() {
        guard isWriting else { return }
        isWriting = false
        if control.readableBytes > 0 || pingsWanted > 0 { return flush(.soon) }
        switch outbox.next() {
        case .nothing: return
        case .soon: flush(.soon)
        case .later: flush(.later)
        }
    }
}

// MARK: - What isn't sent

extension NATSMachine {
    /// Reports messages that are too large for the server of the connection.
    mutating func leaveOut(_ messages: [WaitingMessage]) {
        guard let first = messages.first, let link else { return }
        let limit = link.info.payloadLimit
        perform(.leftOut(messages, limit: limit))
        reportUnsent(
            messages.count, .payloadTooLarge,
            "The NATS server \(link.server.server) takes \(limit) bytes, less than when they were taken; the first has "
                + "\(first.size) and was for \(first.subject).")
    }

    /// Reports messages that were being written when the connection ended.
    mutating func reportInterruptedWrite(_ reason: NATSError) {
        guard isWriting else { return }
        isWriting = false
        reportUnsent(
            WaitingMessage.count(in: inFlight), .connectionLost,
            "The connection ended while they were being written: \(reason.message)")
        inFlight.clear()
    }

    /// Reports messages that were taken and not sent, or perhaps not.
    mutating func reportUnsent(_ count: Int, _ code: NATSError.Code, _ reason: String) {
        if count > 0 { perform(.report(.unsent(count, code, reason))) }
    }
}
