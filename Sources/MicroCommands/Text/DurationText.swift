internal import MicroCore

/// Lengths of time as people write and read them.
enum DurationText {
    /// Reads the value of an option; `nil` if it wasn't given.
    static func parse(_ text: String?, option: String) throws(CommandFailure) -> Duration? {
        guard let text else { return nil }
        guard let duration = GoDuration.parse(text), duration > .zero else {
            throw CommandFailure(
                "\(option) is \"\(text.printable())\". It must be a duration such as 300ms, 5s or 1m30s.",
                .usage)
        }
        return duration
    }

    /// Returns a text such as `1h2m3s`.
    static func of(seconds: UInt64) -> String {
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
        if hours > 0 { return "\(hours)h\(minutes)m\(seconds % 60)s" }
        return minutes > 0 ? "\(minutes)m\(seconds % 60)s" : "\(seconds)s"
    }
}
