/// One frame of HTTP/2 (RFC 9113, section 4.1), as a test writes or reads it.
package struct Frame: Hashable, CustomStringConvertible {
    /// What a frame is.
    package enum Kind: UInt8 {
        case data = 0
        case headers = 1
        case priority = 2
        case reset = 3
        case settings = 4
        case pushPromise = 5
        case ping = 6
        case goAway = 7
        case windowUpdate = 8
        case continuation = 9
    }

    package static let endStream: UInt8 = 0x1
    package static let ack: UInt8 = 0x1
    package static let endHeaders: UInt8 = 0x4
    package static let padded: UInt8 = 0x8
    package static let priority: UInt8 = 0x20

    package var type: UInt8
    package var flags: UInt8
    package var stream: UInt32
    package var payload: [UInt8]

    package init(_ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) {
        self.init(type: kind.rawValue, flags: flags, stream: stream, payload: payload)
    }

    package init(type: UInt8, flags: UInt8, stream: UInt32, payload: [UInt8]) {
        (self.type, self.flags, self.stream, self.payload) = (type, flags, stream, payload)
    }

    package var kind: Kind? { Kind(rawValue: type) }

    /// Whether a flag is set.
    package func has(_ flag: UInt8) -> Bool { flags & flag != 0 }

    /// The frame as it travels.
    package var bytes: [UInt8] { head(length: payload.count) + payload }

    /// The nine bytes in front of the payload, which may lie about its length.
    package func head(length: Int) -> [UInt8] {
        Array(UInt32(length).bigEndianBytes.dropFirst()) + [type, flags] + stream.bigEndianBytes
    }

    /// The number in the payload from a position on.
    package func number(at position: Int) -> UInt32 {
        payload.dropFirst(position).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    package var description: String {
        "\(kind.map { "\($0)" } ?? "type \(type)") flags \(flags) stream \(stream), \(payload.count) bytes"
    }
}

/// Error codes of HTTP/2 (RFC 9113, section 7).
package enum ErrorCode {
    package static let none: UInt32 = 0
    package static let protocolError: UInt32 = 1
    package static let flowControl: UInt32 = 3
    package static let streamClosed: UInt32 = 5
    package static let settingsTimeout: UInt32 = 4
    package static let frameSize: UInt32 = 6
    package static let refusedStream: UInt32 = 7
    package static let cancel: UInt32 = 8
    package static let compression: UInt32 = 9
    package static let enhanceYourCalm: UInt32 = 11
}

extension Frame {
    package static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// What a client that has no wishes begins with.
    package static let opening = preface + Frame(.settings).bytes

    /// A header block with every field as a literal that is not to be indexed (RFC 7541, section 6.2.2).
    package static func headers(_ fields: [(String, String)], stream: UInt32, ends: Bool = false) -> Frame {
        Frame(.headers, flags: endHeaders | (ends ? endStream : 0), stream: stream, block(fields))
    }

    package static func data(_ payload: [UInt8], stream: UInt32, ends: Bool = false) -> Frame {
        Frame(.data, flags: ends ? endStream : 0, stream: stream, payload)
    }

    package static func reset(_ code: UInt32, stream: UInt32) -> Frame {
        Frame(.reset, stream: stream, code.bigEndianBytes)
    }

    package static func windowUpdate(_ count: UInt32, stream: UInt32) -> Frame {
        Frame(.windowUpdate, stream: stream, count.bigEndianBytes)
    }

    package static func block(_ fields: [(String, String)]) -> [UInt8] {
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
    package var bigEndianBytes: [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: self >> $0) } }
}

/// A message behind gRPC's prefix.
package func framed(_ message: [UInt8], flag: UInt8 = 0, length: UInt32? = nil) -> [UInt8] {
    [flag] + (length ?? UInt32(message.count)).bigEndianBytes + message
}
