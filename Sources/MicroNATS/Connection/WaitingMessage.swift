internal import NIOCore

/// A message in the bytes that wait to be written.
struct WaitingMessage: Hashable {
    /// The subject.
    var subject: String

    /// The subject to which answers go, if there is one.
    var reply: String?

    /// The number of bytes of headers and payload.
    var size: Int

    /// Takes the messages out of a buffer that are larger than a limit; the others stay in their order.
    ///
    /// - Parameters:
    ///   - buffer: Whole messages, one behind the other.
    ///   - limit: The greatest number of bytes of headers and payload.
    /// - Returns: The messages that were taken out.
    static func removeLarge(from buffer: inout ByteBuffer, limit: Int) -> [WaitingMessage] {
        var removed: [WaitingMessage] = []
        var kept = ByteBuffer()
        var rest = buffer
        while let (message, length) = next(in: rest), var bytes = rest.readSlice(length: length) {
            if message.size > limit { removed.append(message) } else { kept.writeBuffer(&bytes) }
        }
        if !removed.isEmpty { buffer = kept }
        return removed
    }

    /// Returns the number of messages in a buffer.
    ///
    /// - Parameter buffer: Whole messages, one behind the other.
    /// - Returns: Their number.
    static func count(in buffer: ByteBuffer) -> Int {
        var count = 0
        var rest = buffer
        while let (_, length) = next(in: rest) {
            rest.moveReaderIndex(forwardBy: length)
            count += 1
        }
        return count
    }

    /// Reads the line of the first message: `PUB subject [reply] size`, or `HPUB` with the size of the headers.
    private static func next(in buffer: ByteBuffer) -> (WaitingMessage, length: Int)? {
        let line = buffer.readableBytesView.prefix { $0 != UInt8(ascii: "\r") }
        let fields = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
        guard fields.count >= 3, let size = Int(fields[fields.count - 1]) else { return nil }
        let length = line.count + 2 + size + 2
        guard length <= buffer.readableBytes else { return nil }
        let hasReply = fields.count == (fields[0] == "HPUB" ? 5 : 4)
        return (WaitingMessage(subject: fields[1], reply: hasReply ? fields[2] : nil, size: size), length)
    }
}
