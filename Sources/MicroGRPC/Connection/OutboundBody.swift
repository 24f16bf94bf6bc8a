import MicroCore
import NIOCore

/// The messages of a call that wait to be sent, and what follows them.
struct OutboundBody {
    /// What follows the last message.
    enum End {
        /// Nothing: the last message's frame ends the stream.
        case stream
        /// The trailers of a call that succeeded.
        case success
        /// Other trailers.
        case trailers(FieldBlock)
    }

    /// Above how many waiting bytes a sender is suspended.
    static let highWatermark = 256 << 10

    /// Below how many waiting bytes it goes on.
    static let lowWatermark = 64 << 10

    private var current: [UInt8] = []
    private var offset = 0
    private var later: [Message] = []
    private var laterHead = 0

    /// The number of bytes that wait.
    private(set) var count = 0

    /// What follows the last message, once that is known.
    var end: End?

    /// Puts a message behind those that wait.
    mutating func append(_ message: consuming Message, isCompressed: Bool) {
        message.writePrefix(flag: isCompressed ? 1 : 0, length: UInt32(clamping: message.count))
        count += message.storage.count
        if current.isEmpty {
            current = message.storage
        } else {
            later.append(message)
        }
    }

    /// Makes a text the whole body, for a peer that doesn't speak gRPC.
    mutating func append(text: String) {
        current = Array(text.utf8)
        count = current.count
        end = .stream
    }

    /// Returns the error of a call whose one message is longer than allowed, or `nil` if it isn't.
    func tooLongMessage(limit: Int) -> MicroError? {
        current.count > limit + Message.headroom ? Self.tooLong(current.count - Message.headroom, limit) : nil
    }

    /// Returns the error of sending a message that is longer than allowed.
    static func tooLong(_ length: Int, _ limit: Int) -> MicroError {
        MicroError(
            .resourceExhausted, "The message to send has \(length) bytes; at most \(limit) are allowed.",
            processed: .no)
    }

    /// Moves bytes from the front to a buffer.
    ///
    /// - Parameters:
    ///   - wanted: How many; no more than ``count``.
    ///   - buffer: The buffer to append to.
    mutating func move(_ wanted: Int, to buffer: inout ByteBuffer) {
        var wanted = min(wanted, count)
        count -= wanted
        while wanted > 0 {
            let taken = min(wanted, current.count - offset)
            if taken == current.count {
                buffer.writeBytes(current)
            } else {
                buffer.writeBytes(current[offset..<offset + taken])
            }
            offset += taken
            wanted -= taken
            if offset == current.count { nextMessage() }
        }
    }

    /// Drops what waits, because the call is over.
    mutating func removeAll() { self = OutboundBody() }

    private mutating func nextMessage() {
        offset = 0
        if laterHead < later.count {
            current = later[laterHead].storage
            laterHead += 1
        } else {
            current = []
            later.removeAll(keepingCapacity: true)
            laterHead = 0
        }
        if laterHead > 64 {
            later.removeFirst(laterHead)
            laterHead = 0
        }
    }
}
