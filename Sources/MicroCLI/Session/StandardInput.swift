#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The request that a user pipes in.
enum StandardInput {
    /// The most that is read; no service takes a message that is nearly as large.
    private static let limit = 64 << 20

    /// Reads the standard input to its end.
    static func read() throws(CommandFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            // Sound because the call writes no more than the array's own size into it.
            let count = part.withUnsafeMutableBytes { systemRead($0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw CommandFailure("The standard input can't be read: errno \(errno).", .other)
            }
            bytes.append(contentsOf: part.prefix(count))
            guard bytes.count <= limit else {
                throw CommandFailure("The request on standard input has more than \(limit) bytes.", .other)
            }
        }
    }

    private static func systemRead(_ buffer: UnsafeMutableRawPointer?, _ size: Int) -> Int {
        #if canImport(Darwin)
            Darwin.read(STDIN_FILENO, buffer, size)
        #elseif canImport(Musl)
            Musl.read(STDIN_FILENO, buffer, size)
        #else
            Glibc.read(STDIN_FILENO, buffer, size)
        #endif
    }
}
