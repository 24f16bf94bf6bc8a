import NIOCore

/// The part of a stream's body that waits to be sent, and what follows it.
package struct OutboundBody {
    /// What follows the last bytes.
    package enum End {
        /// Nothing: the frame of the last bytes ends the stream.
        case stream
        /// Trailers that need no copy.
        case permanentTrailers(PermanentFieldBlock)
        /// Other trailers.
        case trailers(FieldBlock)
    }

    /// Above how many waiting bytes a sender is suspended.
    package static var highWatermark: Int { 256 << 10 }

    /// Below how many waiting bytes it goes on.
    static var lowWatermark: Int { 64 << 10 }

    private var current: [UInt8] = []
    private var offset = 0
    private var later: [[UInt8]] = []
    private var laterHead = 0

    /// The number of bytes that wait.
    private(set) var count = 0

    /// What follows the last bytes, once that is known.
    var end: End?

    /// Puts bytes behind those that wait.
    mutating func append(_ bytes: consuming [UInt8]) {
        guard !bytes.isEmpty else { return }
        count += bytes.count
        if current.isEmpty {
            current = bytes
        } else {
            later.append(bytes)
        }
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
            if offset == current.count { nextChunk() }
        }
    }

    /// Drops what waits, because the stream is over.
    mutating func removeAll() { self = OutboundBody() }

    private mutating func nextChunk() {
        offset = 0
        if laterHead < later.count {
            current = later[laterHead]
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
