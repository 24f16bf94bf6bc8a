#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The standard output and the standard error.
enum Output {
    /// Writes text to the standard output at once.
    static func write(_ text: String) throws(CommandFailure) { try write(Array(text.utf8)) }

    /// Writes bytes to the standard output at once.
    ///
    /// - Parameter bytes: The bytes, as they are.
    /// - Throws: A failure without a message if nobody reads any more, as after `| head`.
    static func write(_ bytes: [UInt8]) throws(CommandFailure) {
        switch write(bytes, to: STDOUT_FILENO) {
        case 0: break
        case EPIPE: throw CommandFailure(signal: SIGPIPE)
        case let code: throw CommandFailure("The output can't be written: errno \(code).", .other)
        }
    }

    /// Writes a line to the standard error.
    ///
    /// If that fails there is nobody left to tell.
    static func writeError(_ line: String) { _ = write(Array((line + "\n").utf8), to: STDERR_FILENO) }

    /// Whether the standard output is a terminal.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
        bytes.withUnsafeBytes { buffer in
            // Sound because the buffer is valid in here, and each part that is written lies within it.
            var rest = buffer[...]
            while !rest.isEmpty {
                let part = UnsafeRawBufferPointer(rebasing: rest)
                #if canImport(Darwin)
                    let count = Darwin.write(descriptor, part.baseAddress, part.count)
                #elseif canImport(Musl)
                    let count = Musl.write(descriptor, part.baseAddress, part.count)
                #else
                    let count = Glibc.write(descriptor, part.baseAddress, part.count)
                #endif
                if count < 0 {
                    guard errno == EINTR else { return errno }
                    continue
                }
                rest = rest.dropFirst(count)
            }
            return 0
        }
    }
}
