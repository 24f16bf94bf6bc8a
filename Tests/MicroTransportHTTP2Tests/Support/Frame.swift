/// One frame of HTTP/2 (RFC 9113, section 4.1), as a test writes or reads it.
struct Frame: Hashable, CustomStringConvertible {
    /// What a frame is.
    enum Kind: UInt8 {
        case data = 0
        case headers = 1
        case reset = 3
        case settings = 4
        case pushPromise = 5
        case ping = 6
        case goAway = 7
        case windowUpdate = 8
        case continuation = 9
    }

    static let endStream: UInt8 = 0x1
    static let ack: UInt8 = 0x1
    static let endHeaders: UInt8 = 0x4

    var type: UInt8
    var flags: UInt8
    var stream: UInt32
    var payload: [UInt8]

    init(_ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) {
        self.init(type: kind.rawValue, flags: flags, stream: stream, payload: payload)
    }

    init(type: UInt8, flags: UInt8, stream: UInt32, payload: [UInt8]) {
        (self.type, self.flags, self.stream, self.payload) = (type, flags, stream, payload)
    }

    var kind: Kind? { Kind(rawValue: type) }

    /// Whether a flag is set.
    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }

    /// The frame as it travels.
    var bytes: [UInt8] { head(length: payload.count) + payload }

    /// The nine bytes in front of the payload, which may lie about its length.
    func head(length: Int) -> [UInt8] {
        Array(UInt32(length).bigEndianBytes.dropFirst()) + [type, flags] + stream.bigEndianBytes
    }

    /// The number in the payload from a position on.
    func number(at position: Int) -> UInt32 {
        payload.dropFirst(position).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    var description: String {
        "\(kind.map { "\($0)" } ?? "type \(type)") flags \(flags) stream \(stream), \(payload.count) bytes"
    }
}

/// Error codes of HTTP/2 (RFC 9113, section 7).
enum ErrorCode {
    static let none: UInt32 = 0
    static let protocolError: UInt32 = 1
    static let flowControl: UInt32 = 3
    static let streamClosed: UInt32 = 5
    static let frameSize: UInt32 = 6
    static let refusedStream: UInt32 = 7
    static let cancel: UInt32 = 8
    static let compression: UInt32 = 9
}

extension Frame {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// What a client that has no wishes begins with.
    static let opening = preface + Frame(.settings).bytes

    /// A header block with every field as a literal that is not to be indexed (RFC 7541, section 6.2.2).
    static func headers(_ fields: [(String, String)], stream: UInt32, ends: Bool = false) -> Frame {
        Frame(.headers, flags: endHeaders | (ends ? endStream : 0), stream: stream, block(fields))
    }

    static func data(_ payload: [UInt8], stream: UInt32, ends: Bool = false) -> Frame {
        Frame(.data, flags: ends ? endStream : 0, stream: stream, payload)
    }

    static func reset(_ code: UInt32, stream: UInt32) -> Frame {
        Frame(.reset, stream: stream, code.bigEndianBytes)
    }

    static func windowUpdate(_ count: UInt32, stream: UInt32) -> Frame {
        Frame(.windowUpdate, stream: stream, count.bigEndianBytes)
    }

    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { name, value in [0] + literal(name) + literal(value) }
    }

    private static func literal(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var length: [UInt8] = [127]
        while rest >= 128 {
            length.append(UInt8(rest % 128) | 128)
            rest /= 128
        }
        return length + [UInt8(rest)] + bytes
    }
}

extension UInt32 {
    var bigEndianBytes: [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: self >> $0) } }
}

/// A message behind gRPC's prefix.
func framed(_ message: [UInt8], flag: UInt8 = 0, length: UInt32? = nil) -> [UInt8] {
    [flag] + (length ?? UInt32(message.count)).bigEndianBytes + message
}
