internal import MicroCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// PEM text with the words by which errors name it.
struct PEMText {
    /// A file of the system's roots has about 250 KiB.
    static let maximumSize = 8 << 20

    /// The text.
    let bytes: [UInt8]

    /// What it is and where it comes from: `the private key (file /etc/greeter/tls.key)`.
    let name: String

    /// Reads a source.
    ///
    /// - Parameters:
    ///   - source: Where the text is.
    ///   - what: What it should be, such as `private key`.
    /// - Throws: A ``StartError`` if the file can't be read.
    init(_ source: TLSConfiguration.PEMSource, what: String) throws(StartError) {
        switch source {
        case .text(let text):
            name = "The \(what) (given as text)"
            bytes = Array(text.utf8)
            guard bytes.count <= Self.maximumSize else {
                throw StartError(.security, "\(name) is larger than \(Self.maximumSize) bytes.")
            }
        case .file(let path):
            name = "The \(what) (file \(path))"
            bytes = try Self.load(path, name: name)
        }
    }

    private static func load(_ path: String, name: String) throws(StartError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable(name, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(name, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StartError(.security, "\(name) is no regular file. Give the path of a PEM file.")
        }
        guard status.st_size <= maximumSize else {
            throw StartError(
                .security, "\(name) is larger than \(maximumSize) bytes. Give the path of a PEM file.")
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        // The bound holds again here: a file may grow while it is read.
        while bytes.count <= maximumSize {
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 else { throw unreadable(name, errno) }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return bytes
    }

    private static func unreadable(_ name: String, _ error: Int32) -> StartError {
        // strerror returns a text that is valid until this thread's next call of it.
        let reason = strerror(error).map { String(cString: $0) } ?? "error \(error)"
        let advice =
            error == ENOENT ? "Check the path." : "Let the user that the service runs as read it."
        return StartError(.security, "\(name) can't be read: \(reason). \(advice)")
    }
}
