#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Reads files that are small by their nature, such as keys and certificates.
package enum SmallFile {
    /// Why a file can't be used.
    package struct Failure: Error {
        /// What to say behind the file's name, in a sentence and what to do.
        package let reason: String
    }

    /// Reads a whole file.
    ///
    /// It doesn't wait: a pipe or a device, which might never end, is refused.
    ///
    /// - Parameters:
    ///   - path: The path.
    ///   - limit: The greatest number of bytes.
    /// - Returns: The bytes.
    /// - Throws: A ``Failure`` that says why, and what to do.
    package static func bytes(of path: String, limit: Int) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(reason: "is no regular file. Check the path.")
        }
        guard status.st_size <= limit else { throw tooLarge(limit) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 else { throw unreadable(errno) }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            // A file may grow while it is read.
            guard bytes.count <= limit else { throw tooLarge(limit) }
        }
    }

    private static func tooLarge(_ limit: Int) -> Failure {
        Failure(reason: "is larger than \(limit) bytes. Check the path.")
    }

    private static func unreadable(_ error: CInt) -> Failure {
        // strerror returns a text that is valid until this thread's next call of it.
        let reason = strerror(error).map { String(cString: $0) } ?? "error \(error)"
        let advice =
            error == ENOENT ? "Check the path." : "Let the user that the service runs as read it."
        return Failure(reason: "can't be read: \(reason). \(advice)")
    }
}
