import CZlib
import MicroCore

/// The formats of zlib as zlib names them: by the size of the window, which says the frame as well.
extension Compression {
    fileprivate var windowBits: CInt { self == .gzip ? 15 + 16 : 15 }
}

/// A zlib stream that compresses one message after the other.
///
/// It is kept between messages, since making one costs 268 KB of memory that must be cleared.
///
/// Sendable because ``ZlibPool`` gives it to one user at a time: the user that has taken it out of the pool is the
/// only one who knows it, and the pool's lock orders one user's writes before the next one's reads.
final class Deflater: @unchecked Sendable {
    // The stream stays at one address, which zlib remembers.
    private let stream: UnsafeMutablePointer<z_stream>

    /// Creates a stream; fails if there is no memory for it.
    ///
    /// - Parameter compression: The format to write; any but `identity`.
    init?(_ compression: Compression) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = deflateInit2_(
            stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, compression.windowBits, 8, Z_DEFAULT_STRATEGY,
            ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        // `deinit` runs in this case, too; zlib ends a stream that it didn't begin by doing nothing.
        guard status == Z_OK else { return nil }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Compresses a message's payload.
    ///
    /// - Parameter payload: The bytes.
    /// - Returns: The compressed bytes behind the headroom of a message, or `nil` unless they are fewer.
    func compress(_ payload: UnsafeRawBufferPointer) -> [UInt8]? {
        guard let input = payload.bindMemory(to: UInt8.self).baseAddress,
            let count = uInt(exactly: payload.count)
        else { return nil }
        var isSmaller = false
        let storage = [UInt8](unsafeUninitializedCapacity: EncodedMessage.headroom + payload.count) {
            output, used in
            guard let start = output.baseAddress else { return }
            start.initialize(repeating: 0, count: EncodedMessage.headroom)
            used = EncodedMessage.headroom
            // Sound because both buffers live until the closure returns and zlib stays within the counts. It
            // reads the input only, and declares it mutable for the sake of old compilers.
            deflateReset(stream)
            stream.pointee.next_in = UnsafeMutablePointer(mutating: input)
            stream.pointee.avail_in = count
            stream.pointee.next_out = start + EncodedMessage.headroom
            stream.pointee.avail_out = count - 1
            isSmaller = deflate(stream, Z_FINISH) == Z_STREAM_END
            used += payload.count - 1 - Int(stream.pointee.avail_out)
            forgetBuffers(of: stream)
        }
        return isSmaller ? storage : nil
    }
}

/// A zlib stream that restores one message after the other.
///
/// Sendable for the same reason as ``Deflater``.
final class Inflater: @unchecked Sendable {
    private let stream: UnsafeMutablePointer<z_stream>

    /// Creates a stream; fails if there is no memory for it.
    init?() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = inflateInit2_(
            stream, Compression.gzip.windowBits, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        // As above, `deinit` lets go of the memory.
        guard status == Z_OK else { return nil }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Restores a message's payload.
    ///
    /// What was compressed says itself how long it is, or lies, so the memory grows with what comes out: by
    /// four times at a step, and to the limit once that is near. While it grows, the bytes are there twice, and
    /// are at most half of what is allowed.
    ///
    /// - Parameters:
    ///   - payload: The compressed bytes.
    ///   - compression: Their format.
    ///   - limit: The greatest number of bytes that may come out.
    /// - Returns: The bytes behind the headroom of a message.
    /// - Throws: A ``DecompressionFault``.
    func restore(
        _ payload: UnsafeRawBufferPointer, _ compression: Compression, limit: Int
    ) throws(DecompressionFault) -> [UInt8] {
        guard let input = payload.bindMemory(to: UInt8.self).baseAddress,
            let count = uInt(exactly: payload.count)
        else { throw .truncated }
        inflateReset2(stream, compression.windowBits)
        // Sound because the input lives until this function returns, as its caller sees to. zlib reads it only,
        // and declares it mutable for the sake of old compilers.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input)
        stream.pointee.avail_in = count
        defer { forgetBuffers(of: stream) }
        var growth = InflationGrowth(compressed: payload.count, limit: limit)
        var storage = [UInt8](repeating: 0, count: EncodedMessage.headroom)
        var status = Z_OK
        while status == Z_OK {
            guard let capacity = growth.next() else { throw .tooLong(limit: limit) }
            status = grow(&storage, to: EncodedMessage.headroom + capacity)
            guard status == Z_OK else { break }
            // zlib had no more to write though there was room: it waits for bytes that don't exist.
            if storage.count < EncodedMessage.headroom + capacity { throw .truncated }
        }
        try check(status)
        guard storage.count - EncodedMessage.headroom <= limit else { throw .tooLong(limit: limit) }
        return storage
    }

    /// Moves the bytes to a larger array, and inflates until that is full or the stream ends.
    private func grow(_ storage: inout [UInt8], to capacity: Int) -> CInt {
        var status = Z_OK
        storage = [UInt8](unsafeUninitializedCapacity: capacity) { output, used in
            used = output.update(fromContentsOf: storage)
            let room = output.count - used
            stream.pointee.next_out = output.baseAddress.map { $0 + used }
            // A room is never larger than a message may be, which a 32-bit number holds.
            stream.pointee.avail_out = uInt(clamping: room)
            status = inflate(stream, Z_NO_FLUSH)
            used += room - Int(stream.pointee.avail_out)
        }
        // "No progress" is what zlib calls a full output or an empty input; which one, the count tells.
        return status == Z_BUF_ERROR ? Z_OK : status
    }

    private func check(_ status: CInt) throws(DecompressionFault) {
        switch status {
        case Z_STREAM_END where stream.pointee.avail_in > 0: throw .trailing(Int(stream.pointee.avail_in))
        case Z_STREAM_END: return
        case Z_NEED_DICT: throw .corrupt("it needs a dictionary")
        case Z_MEM_ERROR: throw .noMemory
        default: throw .corrupt(stream.pointee.msg.map { String(cString: $0) } ?? "zlib status \(status)")
        }
    }
}

/// Takes the addresses of buffers out of a stream: what isn't there can't be used by mistake.
private func forgetBuffers(of stream: UnsafeMutablePointer<z_stream>) {
    stream.pointee.next_in = nil
    stream.pointee.avail_in = 0
    stream.pointee.next_out = nil
    stream.pointee.avail_out = 0
}

/// How much memory a message may take while it is restored.
struct InflationGrowth {
    /// One byte more than a message may have, to tell one that is full from one that is too long.
    private let bound: Int
    private var capacity: Int
    private var isAtEnd = false

    /// Creates the steps for a message.
    ///
    /// - Parameters:
    ///   - compressed: The number of its compressed bytes.
    ///   - limit: The greatest number of bytes that may come out.
    init(compressed: Int, limit: Int) {
        bound = limit + 1
        // Text becomes four times as long, roughly; the first step is right for most.
        capacity = max(compressed, 256) * 4
    }

    /// Returns the next capacity; `nil` behind the last one.
    mutating func next() -> Int? {
        guard !isAtEnd else { return nil }
        if capacity > bound / 2 {
            isAtEnd = true
            return bound
        }
        defer { capacity *= 4 }
        return capacity
    }
}
