internal import CZlib

/// Streams of zlib (RFC 1950).
enum Zlib {
    /// Compresses bytes with the default level.
    ///
    /// - Parameter bytes: What to compress.
    /// - Returns: The stream, or `nil` if memory ran out.
    static func deflate(_ bytes: [UInt8]) -> [UInt8]? {
        let bound = Int(compressBound(uLong(bytes.count)))
        var status = Z_OK
        let stream = [UInt8](unsafeUninitializedCapacity: bound) { output, count in
            // Sound because zlib writes at most `size` bytes, which is the buffer's size, and sets it to
            // what it wrote; it reads exactly the bytes of the array.
            var size = uLongf(output.count)
            status = compress(output.baseAddress, &size, bytes, uLong(bytes.count))
            count = status == Z_OK ? Int(size) : 0
        }
        return status == Z_OK ? stream : nil
    }

    /// Inflates a stream.
    ///
    /// What stands behind the stream is ignored.
    ///
    /// - Parameters:
    ///   - bytes: The stream.
    ///   - limit: The most bytes to inflate.
    ///   - inflated: What was compressed is appended here, at most `limit` bytes, also up to a fault.
    /// - Throws: ``TextFormatError/badCompression`` if it isn't a whole stream, or
    ///   ``TextFormatError/tooLarge``.
    static func inflate(
        _ bytes: [UInt8], limit: Int, into inflated: inout [UInt8]
    ) throws(TextFormatError) {
        var stream = z_stream()
        guard inflateInit_(&stream, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw .badCompression
        }
        defer { inflateEnd(&stream) }
        var bytes = bytes
        let start = inflated.count
        let status = bytes.withUnsafeMutableBufferPointer { input in
            // Sound because the stream's pointers are used only in here, where both buffers live, and
            // zlib stays within the sizes that stand beside them. The input is mutable only because the
            // C declaration says so; zlib reads it.
            stream.next_in = input.baseAddress
            stream.avail_in = uInt(input.count)
            return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16384) { output in
                inflate(&stream, into: output, limit: start + limit, result: &inflated)
            }
        }
        guard inflated.count - start <= limit else {
            inflated.removeSubrange((start + limit)...)
            throw .tooLarge
        }
        guard status == Z_STREAM_END else { throw .badCompression }
    }

    private static func inflate(
        _ stream: inout z_stream, into output: UnsafeMutableBufferPointer<UInt8>, limit: Int,
        result: inout [UInt8]
    ) -> CInt {
        while true {
            stream.next_out = output.baseAddress
            stream.avail_out = uInt(output.count)
            let status = CZlib.inflate(&stream, Z_NO_FLUSH)
            result.append(contentsOf: output.prefix(output.count - Int(stream.avail_out)))
            // A status other than "go on" ends it: the stream's end, an error, or no more input.
            guard status == Z_OK, result.count <= limit else { return status }
        }
    }
}
