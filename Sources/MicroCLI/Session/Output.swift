internal import Micro

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
        switch StandardStream.output.write(bytes) {
        case 0: break
        case EPIPE: throw CommandFailure(signal: SIGPIPE)
        case let code: throw CommandFailure("The output can't be written: errno \(code).", .other)
        }
    }

    /// Writes a line to the standard error.
    ///
    /// If that fails there is nobody left to tell.
    static func writeError(_ line: String) { _ = StandardStream.error.write(Array((line + "\n").utf8)) }

    /// Whether the standard output is a terminal.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
}
