internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// How wide the text of `--help` is set.
enum HelpWidth {
    /// The width that our texts are written for; ArgumentParser, which wraps them, would tear their tables and
    /// examples on a narrower terminal, and ends with a trap on one of a few columns.
    private static let narrowest = 80

    /// Sets `COLUMNS`, which ArgumentParser reads, where it or the terminal is narrower than our texts.
    ///
    /// The terminal then wraps long lines itself.
    static func apply() {
        let columns = ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) } ?? terminal
        guard let columns, columns < narrowest else { return }
        setenv("COLUMNS", "\(narrowest)", 1)
    }

    private static var terminal: Int? {
        var size = winsize()
        // Sound because the call fills in the structure that it is given, for its own length.
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
        return Int(size.ws_col)
    }
}
