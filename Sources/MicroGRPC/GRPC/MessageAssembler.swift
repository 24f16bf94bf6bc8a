import MicroCore

/// Cuts the body of a call into messages, each behind a prefix of five bytes.
///
/// The prefix is a flag that tells whether the message is compressed, and its length (gRPC over
/// HTTP/2, "Length-Prefixed-Message").
struct MessageAssembler {
    /// Why a body can't be read any further.
    enum Fault: Error {
        /// The flag isn't 0, and no compression was announced.
        case compressed
        /// The flag is neither 0 nor 1.
        case badFlag(UInt8)
        /// The message is longer than allowed.
        case tooLong(Int, limit: Int)
    }

    /// How many bytes are set aside at once for a message that has yet to come.
    ///
    /// The peer's word for a length costs no more memory than this before the bytes are there.
    private static let reserve = 64 << 10

    /// How the messages may be compressed, as the head has announced it.
    ///
    /// The flag of a message that is compressed is replaced by the mark of this.
    var compression = Compression.identity

    private let limit: Int
    private var partial: [UInt8] = []
    private var needed = EncodedMessage.headroom

    /// Creates an assembler.
    ///
    /// - Parameter limit: The greatest length of a message, in bytes.
    init(limit: Int) { self.limit = limit }

    /// Whether a message has begun and isn't complete.
    var isInsideMessage: Bool { !partial.isEmpty }

    /// How many bytes of such a message are there.
    var heldCount: Int { partial.count }

    /// Drops such a message: nothing is read any more.
    mutating func drop() {
        partial = []
        needed = EncodedMessage.headroom
    }

    /// Takes bytes from the front of a chunk, up to the end of one message.
    ///
    /// - Parameter chunk: The bytes that came; those that were taken are cut off.
    /// - Returns: The message if it is complete; `nil` if all bytes were taken and more must come.
    /// - Throws: A ``Fault``, after which the body can't be read any further.
    mutating func next(from chunk: inout UnsafeRawBufferPointer) throws(Fault) -> EncodedMessage? {
        if partial.isEmpty, chunk.count >= EncodedMessage.headroom {
            let total = try length(chunk) + EncodedMessage.headroom
            if chunk.count >= total {
                var message = EncodedMessage(withHeadroom: Array(chunk[..<total]))
                if chunk[0] != 0 { message.receivedCompression = compression }
                chunk = UnsafeRawBufferPointer(rebasing: chunk[total...])
                return message
            }
        }
        while !chunk.isEmpty || partial.count == needed {
            let taken = min(needed - partial.count, chunk.count)
            partial.append(contentsOf: chunk[..<taken])
            chunk = UnsafeRawBufferPointer(rebasing: chunk[taken...])
            guard partial.count == needed else { return nil }
            if needed == EncodedMessage.headroom {
                needed += try length(partial)
                if partial.count < needed { partial.reserveCapacity(min(needed, Self.reserve)) }
            }
            if partial.count == needed {
                defer { drop() }
                var message = EncodedMessage(withHeadroom: partial)
                if partial[0] != 0 { message.receivedCompression = compression }
                return message
            }
        }
        return nil
    }

    private func length(_ prefix: some RandomAccessCollection<UInt8>) throws(Fault) -> Int {
        var length = 0
        for (position, byte) in prefix.prefix(EncodedMessage.headroom).enumerated() {
            if position == 0 {
                guard byte <= 1 else { throw Fault.badFlag(byte) }
                guard byte == 0 || compression != .identity else { throw Fault.compressed }
            } else {
                length = length << 8 | Int(byte)
            }
        }
        guard length <= limit else { throw Fault.tooLong(length, limit: limit) }
        return length
    }
}

extension MessageAssembler.Fault {
    /// The error that the fault ends a call with.
    var error: MicroError {
        switch self {
        case .compressed:
            MicroError(.internal, "The message is compressed, and no grpc-encoding was announced.")
        case .badFlag(let flag):
            MicroError(.internal, "The message begins with the flag \(flag); gRPC knows 0 and 1.")
        case .tooLong(let length, let limit):
            MicroError(.resourceExhausted, "The message has \(length) bytes; at most \(limit) are allowed.")
        }
    }
}
