internal import MicroCore
internal import NIOCore

/// What a server says.
enum ServerOperation {
    case info(ByteBuffer)
    case message(subscription: UInt64, NATSMessage)
    case ping
    case pong
    case ok
    case error(String)
}

/// Something that a server may not say.
struct ProtocolFault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Cuts what a server sends into operations, without a copy of what arrives whole.
///
/// An operation that arrives in pieces is put together in a buffer of its own, so a message never waits
/// for more than its own bytes. Control lines and payloads are bounded.
struct NATSParser {
    /// The most bytes of a control line, as in nats-server.
    static let maximumControlLine = 4096

    /// The most bytes of a line that describes the server, which may name a large cluster.
    static let maximumInfoLine = 256 << 10

    /// The most bytes of a message, the limit of any nats-server.
    static let maximumMessage = 64 << 20

    private enum Progress {
        case operation(ServerOperation, length: Int)
        case needs(total: Int?)
    }

    /// The beginning of an operation whose end has not arrived.
    private var partial = ByteBuffer()

    /// The length of that operation, once it is known.
    private var wanted: Int?

    /// Takes the next operation out of what has arrived.
    ///
    /// - Parameter buffer: What has arrived; what is taken is removed.
    /// - Returns: The operation, or `nil` if more must arrive first; then the buffer is empty.
    /// - Throws: A ``ProtocolFault`` if it is none, after which the connection can't be used.
    mutating func next(_ buffer: inout ByteBuffer) throws(ProtocolFault) -> ServerOperation? {
        while partial.readableBytes > 0 {
            guard complete(from: &buffer) else { return nil }
            switch try Self.parse(partial) {
            case .operation(let operation, _):
                partial = ByteBuffer()
                wanted = nil
                return operation
            case .needs(let total): wanted = total
            }
        }
        guard buffer.readableBytes > 0 else { return nil }
        switch try Self.parse(buffer) {
        case .operation(let operation, let length):
            buffer.moveReaderIndex(forwardBy: length)
            return operation
        case .needs(let total):
            wanted = total
            partial = ByteBuffer()
            partial.reserveCapacity(max(min(total ?? 0, 1 << 20), buffer.readableBytes, 512))
            partial.writeBuffer(&buffer)
            return nil
        }
    }

    /// Moves what belongs to the partial operation; returns whether another try is worthwhile.
    private mutating func complete(from buffer: inout ByteBuffer) -> Bool {
        guard buffer.readableBytes > 0 else { return false }
        let count: Int
        var endsLine = false
        if let wanted {
            count = min(max(wanted - partial.readableBytes, 0), buffer.readableBytes)
        } else {
            let bytes = buffer.readableBytesUInt8Span
            var end = 0
            while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
            count = min(end + 1, bytes.count)
            endsLine = end < bytes.count
        }
        if var piece = buffer.readSlice(length: count) { partial.writeBuffer(&piece) }
        if let wanted { return partial.readableBytes >= wanted }
        // A line without its end is looked at again only to find that it is too long: all of it each time would
        // cost a server that sends single bytes nothing, and us much.
        return endsLine || partial.readableBytes > Self.lineLimit(partial.readableBytesUInt8Span)
    }

    private static func parse(_ buffer: ByteBuffer) throws(ProtocolFault) -> Progress {
        let bytes = buffer.readableBytesUInt8Span
        let isMessage = bytes[0] | 0x20 == UInt8(ascii: "m") || bytes[0] | 0x20 == UInt8(ascii: "h")
        let limit = lineLimit(bytes)
        var end = 0
        while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
        guard end <= limit else { throw ProtocolFault("a control line is longer than \(limit) bytes") }
        guard end < bytes.count else { return .needs(total: nil) }
        guard end > 0, bytes[end - 1] == UInt8(ascii: "\r") else {
            throw ProtocolFault("a control line doesn't end with CR and LF: \(quoted(bytes, end))")
        }
        if isMessage { return try message(buffer, lineLength: end - 1) }
        return .operation(try simple(buffer, lineLength: end - 1), length: end + 1)
    }

    private static func lineLimit(_ bytes: Span<UInt8>) -> Int {
        bytes[0] | 0x20 == UInt8(ascii: "i") ? maximumInfoLine : maximumControlLine
    }

    /// The beginning of a line, for an error.
    static func quoted(_ bytes: Span<UInt8>, _ count: Int) -> String {
        var text: [UInt8] = []
        for index in 0..<min(count, 64, bytes.count) { text.append(bytes[index]) }
        return "\"\(String(decoding: text, as: UTF8.self).printable())\""
    }
}

// MARK: - Lines without a payload

extension NATSParser {
    private static func simple(_ buffer: ByteBuffer, lineLength: Int) throws(ProtocolFault)
        -> ServerOperation
    {
        let line = buffer.getSlice(at: buffer.readerIndex, length: lineLength) ?? ByteBuffer()
        let bytes = line.readableBytesUInt8Span
        var end = 0
        while end < bytes.count, bytes[end] != UInt8(ascii: " "), bytes[end] != UInt8(ascii: "\t") {
            end += 1
        }
        var name: [UInt8] = []
        for index in 0..<min(end, 8) { name.append(bytes[index]) }
        let rest = line.getSlice(at: line.readerIndex + end, length: line.readableBytes - end) ?? ByteBuffer()
        switch String(decoding: name, as: UTF8.self).uppercased() {
        case "PING": return .ping
        case "PONG": return .pong
        case "+OK": return .ok
        case "INFO": return .info(rest)
        case "-ERR": return .error(errorText(rest))
        default: throw ProtocolFault("an unknown operation: \(quoted(bytes, bytes.count))")
        }
    }

    private static func errorText(_ buffer: ByteBuffer) -> String {
        let text = String(decoding: buffer.readableBytesView, as: UTF8.self)
        return String(
            text.drop { $0 == " " || $0 == "'" || $0 == "\t" }.reversed().drop { $0 == "'" }.reversed())
    }
}

// MARK: - Messages

extension NATSParser {
    /// `MSG subject sid [reply] size` or `HMSG subject sid [reply] header-size size`.
    private static func message(_ buffer: ByteBuffer, lineLength: Int) throws(ProtocolFault) -> Progress {
        let bytes = buffer.readableBytesUInt8Span
        var fields = LineFields()
        guard fields.read(bytes, lineLength), let hasHeader = fields.isHeaderMessage(bytes) else {
            throw ProtocolFault("a malformed message line: \(quoted(bytes, lineLength))")
        }
        let sizes = hasHeader ? 2 : 1
        let hasReply = fields.count == 4 + sizes
        guard hasReply || fields.count == 3 + sizes,
            let subscription = fields.number(2, bytes),
            let size = fields.number(fields.count - 1, bytes),
            let header = hasHeader ? fields.number(fields.count - 2, bytes) : 0,
            header <= size
        else { throw ProtocolFault("a malformed message line: \(quoted(bytes, lineLength))") }
        guard size <= UInt64(maximumMessage) else {
            throw ProtocolFault("a message of \(size) bytes, more than the \(maximumMessage) that may be")
        }
        let total = lineLength + 2 + Int(size) + 2
        guard bytes.count >= total else { return .needs(total: total) }
        guard bytes[total - 2] == UInt8(ascii: "\r"), bytes[total - 1] == UInt8(ascii: "\n") else {
            throw ProtocolFault(
                "a message's payload doesn't end where its line says: \(quoted(bytes, lineLength))")
        }
        let subject = fields.range(1)
        let reply = hasReply ? fields.range(3) : 0..<0
        guard let frame = buffer.getSlice(at: buffer.readerIndex, length: total) else {
            return .needs(total: total)
        }
        let message = NATSMessage(
            frame: frame, subject: subject, reply: reply, headerLength: Int(header),
            lineLength: lineLength + 2)
        return .operation(.message(subscription: subscription, message), length: total)
    }
}

/// Where the fields of a message's line lie.
private struct LineFields {
    private(set) var count = 0
    private var starts: InlineArray<6, UInt16> = InlineArray(repeating: 0)
    private var ends: InlineArray<6, UInt16> = InlineArray(repeating: 0)

    /// Finds the fields; returns whether there are as many as a message may have.
    mutating func read(_ bytes: Span<UInt8>, _ length: Int) -> Bool {
        var position = 0
        while position < length {
            guard bytes[position] != UInt8(ascii: " "), bytes[position] != UInt8(ascii: "\t") else {
                position += 1
                continue
            }
            guard count < 6 else { return false }
            starts[count] = UInt16(truncatingIfNeeded: position)
            while position < length, bytes[position] != UInt8(ascii: " "),
                bytes[position] != UInt8(ascii: "\t")
            {
                position += 1
            }
            ends[count] = UInt16(truncatingIfNeeded: position)
            count += 1
        }
        return count >= 4
    }

    func range(_ index: Int) -> Range<Int> { Int(starts[index])..<Int(ends[index]) }

    /// Whether the first field is `HMSG`; `nil` if it isn't `MSG` either.
    func isHeaderMessage(_ bytes: Span<UInt8>) -> Bool? {
        var name: UInt32 = 0
        guard range(0).count <= 4 else { return nil }
        for index in range(0) { name = name << 8 | UInt32(bytes[index] & 0xDF) }
        switch name {
        case 0x4D_5347: return false
        case 0x484D_5347: return true
        default: return nil
        }
    }

    /// A field as a number of at most 18 digits.
    func number(_ index: Int, _ bytes: Span<UInt8>) -> UInt64? {
        let range = range(index)
        guard (1...18).contains(range.count) else { return nil }
        var value: UInt64 = 0
        for position in range {
            let digit = bytes[position] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value &* 10 &+ UInt64(digit)
        }
        return value
    }
}
