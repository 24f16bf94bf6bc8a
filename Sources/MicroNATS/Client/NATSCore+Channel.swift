internal import MicroNIO
internal import NIOCore
internal import Synchronization

// What the channel's handler reports, and what is written.
extension NATSCore {
    /// Takes what has been read.
    func receive(_ buffer: ByteBuffer, link: Int) {
        guard channel?.link == link else { return }
        machine.heard()
        counters.bytesReceived.add(buffer.readableBytes, ordering: .relaxed)
        var buffer = Self.compacted(buffer)
        // The parser and the messages of one subscription are kept at hand while there are some. A copy of the
        // parser would make it copy the part of a message that it has.
        var parser = NATSParser()
        swap(&parser, &self.parser)
        var run = Run()
        do throws(ProtocolFault) {
            while let operation = try parser.next(&buffer) {
                if case .message(let subscription, let message) = operation {
                    try receive(message, for: subscription, in: &run)
                } else {
                    // Anyone who waits for an answer finds the messages that came before it.
                    deliver(&run)
                    try machine.receive(operation, now: .now())
                    apply()
                    guard channel?.link == link else { break }
                }
            }
        } catch {
            let text = "The server sends something that isn't NATS: \(error.description)."
            machine.fail(link: link, NATSError(.protocolViolation, text))
        }
        self.parser = parser
        if run.count > 0 { counters.messagesReceived.add(run.count, ordering: .relaxed) }
        deliver(&run)
        apply()
    }

    /// A message keeps the buffer alive in which it arrived, so a small read doesn't stay in a large buffer.
    private static func compacted(_ buffer: ByteBuffer) -> ByteBuffer {
        guard buffer.readableBytes < buffer.capacity / 4 else { return buffer }
        var copy = ByteBuffer()
        copy.reserveCapacity(buffer.readableBytes)
        copy.writeImmutableBuffer(buffer)
        return copy
    }

    /// Goes on behind a TLS handshake.
    func secured(link: Int) {
        machine.secured(link: link)
        apply()
    }

    /// Gives a connection up.
    func fail(link: Int, _ reason: NATSError) {
        machine.fail(link: link, reason)
        apply()
    }

    /// Forgets a connection that has ended.
    func ended(link: Int) {
        guard channel?.link == link else { return }
        channel = nil
        machine.ended(link: link, now: .now())
        apply()
    }

    /// Goes on writing if all is written: a channel is writable then, and says so if it wasn't before.
    func writabilityChanged(link: Int) {
        guard let channel, channel.link == link, channel.channel.isWritable else { return }
        machine.written()
        apply()
    }

    /// Writes all that is to be written, at once; what comes while it is being written follows it.
    func flush() {
        if let output = machine.nextOutput(), let channel {
            counters.bytesSent.add(output.size, ordering: .relaxed)
            let target = channel.channel
            if let control = output.control { target.write(control, promise: nil) }
            if output.messages.readableBytes > 0 { target.write(output.messages, promise: nil) }
            if let pings = output.pings { target.write(pings, promise: nil) }
            target.flush()
            if target.isWritable { machine.written() }
        }
        apply()
    }

    func setReading(_ isReading: Bool) {
        guard let channel = channel?.channel else { return }
        // A channel that is already closed has nothing to be read.
        try? channel.syncOptions?.setOption(ChannelOptions.autoRead, value: isReading)
        if isReading { channel.read() }
    }
}
