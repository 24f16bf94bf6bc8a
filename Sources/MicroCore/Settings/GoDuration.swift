/// Durations as go-micro's variables have them: `300ms`, `5s`, `1m30s`, `1.5h`.
package enum GoDuration {
    private static let nanoseconds: [String: Double] = [
        "ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9,
    ]

    /// The longest duration that is accepted: about a hundred years.
    private static let limit = 3.2e18

    /// Reads a duration.
    ///
    /// - Parameter text: One or more numbers, each with a unit; or `0`.
    /// - Returns: The duration, or `nil` if the text is none, is negative or too long.
    package static func parse(_ text: String) -> Duration? {
        if text == "0" { return .zero }
        guard !text.isEmpty, text.utf8.count <= 64 else { return nil }
        var rest = text[...]
        var total = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
            rest = rest.dropFirst(unit.count)
            guard let value = Double(number), let factor = nanoseconds[String(unit)] else { return nil }
            total += value * factor
        }
        guard total <= limit else { return nil }
        return .nanoseconds(Int64(total))
    }

    /// Writes a duration as its greatest units: `1m30s`, `300ms`.
    ///
    /// - Parameter duration: The duration, not negative.
    /// - Returns: The text, which ``parse(_:)`` reads as the same duration, but for what is shorter than a nanosecond.
    package static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        var nanoseconds = attoseconds / 1_000_000_000
        var text = ""
        for (unit, length) in [("h", Int64(3600)), ("m", 60), ("s", 1)] {
            let count = unit == "h" ? seconds / length : seconds / length % 60
            if count > 0 { text += "\(count)\(unit)" }
        }
        for (unit, length) in [("ms", Int64(1_000_000)), ("us", 1000), ("ns", 1)] {
            if nanoseconds / length > 0 { text += "\(nanoseconds / length)\(unit)" }
            nanoseconds %= length
        }
        return text.isEmpty ? "0" : text
    }
}
