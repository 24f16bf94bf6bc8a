internal import FoundationEssentials

/// Moments as people and programs read them.
enum TimeText {
    /// The latest moment that is written as such: the end of the year 9999.
    private static let latest: Int64 = 253_402_300_799

    /// Returns a text such as `2006-01-02 15:04:05`, in UTC.
    static func of(seconds: Int64) -> String {
        guard (0...latest).contains(seconds) else { return "\(seconds)" }
        return "\(day(seconds)) \(time(seconds))"
    }

    /// Returns a text of RFC 3339 such as `2006-01-02T15:04:05.012345678Z`.
    ///
    /// - Parameters:
    ///   - seconds: Seconds since 1970; out of the range of that form, they are written as a number.
    ///   - nanoseconds: Nanoseconds of the second, or `nil` where they aren't known.
    /// - Returns: The text.
    static func rfc3339(seconds: Int64, nanoseconds: Int32? = nil) -> String {
        guard (0...latest).contains(seconds) else { return "\(seconds)" }
        let fraction = nanoseconds.map { "\(1_000_000_000 + min(max($0, 0), 999_999_999))".dropFirst() }
        return "\(day(seconds))T\(time(seconds))\(fraction.map { ".\($0)" } ?? "")Z"
    }

    private static func day(_ seconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(
            .iso8601.year().month().day().dateSeparator(.dash))
    }

    private static func time(_ seconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(
            .iso8601.time(includingFractionalSeconds: false).timeSeparator(.colon))
    }

    /// Seconds from 1970 to now.
    static var now: Int64 { Int64(Date().timeIntervalSince1970) }
}
