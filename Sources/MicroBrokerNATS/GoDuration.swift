/// Durations as Go writes them.
enum GoDuration {
    private static let units = ["ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600]

    /// Reads a duration.
    ///
    /// - Parameter text: Numbers with units, such as `1m30s` or `1.5s`, or a number of milliseconds.
    /// - Returns: The duration; `nil` if the text isn't one, or is longer than a year.
    static func parse(_ text: String) -> Duration? {
        if let milliseconds = Int32(text), milliseconds >= 0 { return .milliseconds(milliseconds) }
        var rest = text[...]
        var seconds = 0.0
        repeat {
            let digits = rest.prefix { $0 == "." || ("0"..."9").contains($0) }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0 != "." && !("0"..."9").contains($0) }
            rest = rest.dropFirst(unit.count)
            guard let number = Double(digits), let factor = units[String(unit)] else { return nil }
            seconds += number * factor
        } while !rest.isEmpty
        guard seconds <= 365 * 86400 else { return nil }
        return .nanoseconds(Int64((seconds * 1e9).rounded()))
    }
}
