internal import Micro
internal import MicroCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The standard output and the standard error: the one way out for text, which nearly always has parts from
/// the network in it.
///
/// Nothing that is written here as text or JSON moves the cursor, changes colours or turns the direction of
/// writing. Where a line break of a value would fake a line, the value is made printable before.
public enum Output {
    /// Writes text to the standard output at once; harmful scalars are written as `\u{9B}`.
    ///
    /// - Parameter text: The text, with its newlines.
    /// - Throws: A failure if it can't be written.
    public static func write(_ text: String) throws(CommandFailure) { try put(Array(harmless(text).utf8)) }

    /// Writes JSON to the standard output at once; harmful scalars are written as `\u009b`.
    ///
    /// - Parameter json: The JSON, with a newline at its end.
    /// - Throws: A failure if it can't be written.
    public static func write(json: [UInt8]) throws(CommandFailure) { try put(JSONEscapes.applied(to: json)) }

    /// Writes what came over the network: to a file or a program byte for byte, to a terminal as it can be
    /// shown, as `ls` does with the names of files.
    static func write(raw: [UInt8]) throws(CommandFailure) {
        try put(isTerminal ? JSONEscapes.applied(to: raw) : raw)
    }

    /// Writes a line to the standard error; harmful scalars are written as `\u{9B}`.
    ///
    /// If that fails there is nobody left to tell.
    ///
    /// - Parameter line: The line without its newline.
    public static func writeError(_ line: String) {
        _ = StandardStream.error.write(Array((harmless(line) + "\n").utf8))
    }

    /// Returns a text from outside as a part of a line, for output and failures.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - limit: The most characters that are kept.
    /// - Returns: The text, in which line breaks and other characters that are not to be shown are written as `\u{A}`.
    public static func printable(_ text: String, limit: Int = 300) -> String { text.printable(limit: limit) }

    /// Whether the standard output is a terminal.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Writes bytes as they are.
    ///
    /// - Throws: A failure without a message if nobody reads any more, as after `| head`.
    private static func put(_ bytes: [UInt8]) throws(CommandFailure) {
        switch StandardStream.output.write(bytes) {
        case 0: break
        case EPIPE: throw CommandFailure(signal: SIGPIPE)
        case let code: throw CommandFailure("The output can't be written: errno \(code).", .other)
        }
    }

    private static func harmless(_ text: String) -> String {
        let isKept: (Unicode.Scalar) -> Bool = { $0.isHarmless || $0 == "\n" || $0 == "\t" }
        if text.unicodeScalars.allSatisfy(isKept) { return text }
        return text.unicodeScalars.map { isKept($0) ? String($0) : String($0).printable() }.joined()
    }
}
