internal import COpenSSL
internal import NIOCore

/// The bytes between OpenSSL and the network: what came in, and what is to go out.
///
/// OpenSSL reads the received buffer in place and appends to the buffer that is then written to the
/// socket: each byte is copied once each way, and an idle connection holds no buffer.
final class Wire {
    /// What has been received and not yet read.
    var input = ByteBuffer()

    /// What is to be sent.
    var output = ByteBuffer()

    /// Lets go of the received buffer once it has been read: it has the size of a whole read, and its
    /// owner may want to use it again.
    func releaseInput() {
        if input.readableBytes == 0 { input = ByteBuffer() }
    }

    /// Takes what is to be sent.
    ///
    /// - Returns: The bytes, or `nil` if there are none.
    func takeOutput() -> ByteBuffer? {
        guard output.readableBytes > 0 else { return nil }
        defer { output = ByteBuffer() }
        return output
    }
}

/// The `BIO` through which a session of OpenSSL reaches its ``Wire``.
enum WireBIO {
    /// Makes the table of functions, which belongs to the caller.
    ///
    /// - Returns: A `BIO_METHOD`, or `nil` if there is no memory.
    static func makeMethod() -> OpaquePointer? {
        let type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
        guard let method = BIO_meth_new(type, "micro wire") else { return nil }
        BIO_meth_set_read(method) { bio, bytes, count in WireBIO.read(bio, bytes, count) }
        BIO_meth_set_write(method) { bio, bytes, count in WireBIO.write(bio, bytes, count) }
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return method
    }

    /// Makes a BIO for a wire, which it borrows.
    ///
    /// - Parameters:
    ///   - wire: The bytes; the caller keeps it for longer than the BIO.
    ///   - method: The table of functions.
    /// - Returns: A `BIO` that belongs to the caller, or `nil` if there is no memory.
    static func make(for wire: Wire, method: OpaquePointer) -> OpaquePointer? {
        guard let bio = BIO_new(method) else { return nil }
        BIO_set_data(bio, Unmanaged.passUnretained(wire).toOpaque())
        BIO_set_init(bio, 1)
        return bio
    }

    private static func wire(of bio: OpaquePointer?) -> Wire? {
        // The data is what `make` set: a Wire that the session keeps until its SSL is freed.
        BIO_get_data(bio).map { Unmanaged<Wire>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func read(
        _ bio: OpaquePointer?, _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int32
    ) -> Int32 {
        micro_BIO_clear_retry_flags(bio)
        guard let wire = wire(of: bio), let bytes, count > 0 else { return -1 }
        let length = min(Int(count), wire.input.readableBytes)
        guard length > 0 else {
            micro_BIO_set_retry_read(bio)
            return -1
        }
        // OpenSSL says that `bytes` has room for `count`; both ranges are bounded by `length`.
        wire.input.withUnsafeReadableBytes { source in
            UnsafeMutableRawBufferPointer(start: bytes, count: length)
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<length]))
        }
        wire.input.moveReaderIndex(forwardBy: length)
        return Int32(length)
    }

    private static func write(
        _ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int32
    ) -> Int32 {
        micro_BIO_clear_retry_flags(bio)
        guard let wire = wire(of: bio), let bytes, count > 0 else { return -1 }
        // OpenSSL says that `bytes` has `count` bytes.
        wire.output.writeBytes(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
        return count
    }
}
