internal import Logging
internal import MicroCore
internal import NIOCore
internal import Synchronization

// What is written on the connection, and what can't be.
extension NATSCore {
    /// Writes in the loop's next turn.
    func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        loop.execute { self.assumeIsolated { $0.flush() } }
    }

    /// Writes all that is to be written, at once; what comes while it is being written follows it.
    func flush() {
        isFlushScheduled = false
        guard let link, link.stage == .open || link.stage == .leaving, !isWriting else { return }
        if link.stage == .leaving {
            // The connection ends with the answer to the last question; what comes behind it would be lost.
            guard !link.hasWrittenLast else { return }
            link.hasWrittenLast = pingsWanted > 0
        }
        outbox.take(in: &inFlight)
        guard inFlight.readableBytes > 0 || control.readableBytes > 0 || pingsWanted > 0 else {
            // Nothing is being written, so the next publisher must wake us up.
            if outbox.next() != .nothing { scheduleFlush() }
            return
        }
        isWriting = true
        write(on: link.channel)
        writabilityChanged(link: link.number)
    }

    private func write(on channel: any Channel) {
        let pings =
            pingsWanted > 0 ? ByteBuffer(string: String(repeating: "PING\r\n", count: pingsWanted)) : nil
        let size = control.readableBytes + inFlight.readableBytes + (pings?.readableBytes ?? 0)
        counters.bytesSent.add(size, ordering: .relaxed)
        pingsWanted = 0
        if control.readableBytes > 0 {
            channel.write(control, promise: nil)
            control = ByteBuffer()
        }
        if inFlight.readableBytes > 0 { channel.write(inFlight, promise: nil) }
        if let pings { channel.write(pings, promise: nil) }
        channel.flush()
    }

    /// Goes on if all is written: a channel is writable then, and says so if it wasn't before.
    func writabilityChanged(link number: Int) {
        guard isWriting, let link, link.number == number, link.channel.isWritable else { return }
        isWriting = false
        if control.readableBytes > 0 || pingsWanted > 0 { return scheduleFlush() }
        switch outbox.next() {
        case .nothing: return
        case .soon: scheduleFlush()
        case .later:
            // Messages come one after the other: a little patience makes one write of many.
            loop.scheduleTask(in: Self.patience) { self.assumeIsolated { $0.flush() } }
        }
    }

    /// How long a few messages wait for more of them while messages come one after the other.
    private static let patience = TimeAmount.microseconds(200)
}

// MARK: - What isn't sent

extension NATSCore {
    /// Reports messages that are too large for the server of the connection.
    func leaveOut(_ messages: [WaitingMessage], _ link: Link) {
        guard let first = messages.first else { return }
        for message in messages {
            // A request's reply subject ends in its number.
            guard let reply = message.reply, reply.hasPrefix(inboxes),
                let number = UInt64(reply.dropFirst(inboxes.count)),
                let (continuation, _) = requests.remove(number)
            else { continue }
            continuation.resume(
                returning: .failure(Outbox.tooLarge(message.size, link.info.payloadLimit)))
        }
        note(
            unsent: messages.count, .payloadTooLarge,
            "The NATS server \(link.server.server) takes \(link.info.payloadLimit) bytes, less than when they were "
                + "taken; the first has \(first.size) and was for \(first.subject).")
    }

    /// Reports messages that were being written when the connection ended.
    func noteInterruptedWrite(_ reason: NATSError) {
        guard isWriting else { return }
        isWriting = false
        note(
            unsent: WaitingMessage.count(in: inFlight), .connectionLost,
            "The connection ended while they were being written: \(reason.message)")
        inFlight.clear()
    }

    /// Counts and reports messages that were taken and not sent, or perhaps not.
    func note(unsent count: Int, _ code: NATSError.Code, _ reason: String) {
        guard count > 0 else { return }
        counters.messagesUnsent.add(count, ordering: .relaxed)
        logger.warning(
            "NATS messages were not sent, or may not have been.",
            metadata: ["micro.nats.messages": "\(count)", "error.message": "\(reason.printable())"])
        events.send(NATSEvent(.unsent, error: NATSError(code, "\(count) messages were not sent. \(reason)")))
    }
}
