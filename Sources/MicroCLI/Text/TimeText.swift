internal import FoundationEssentials

/// Moments as people read them.
enum TimeText {
    /// The latest moment that is written as such: the end of the year 9999.
    private static let latest: Int64 = 253_402_300_799

    /// Returns a text such as `2006-01-02 15:04:05`, in UTC.
    static func of(seconds: Int64) -> String {
        guard (0...latest).contains(seconds) else { return "\(seconds)" }
        let date = Date(timeIntervalSince1970: Double(seconds))
        return date.formatted(
            .iso8601.year().month().day().dateSeparator(.dash).time(includingFractionalSeconds: false)
                .timeSeparator(.colon).dateTimeSeparator(.space))
    }
}

extension TimeText {
    /// Seconds from 1970 to now.
    static var now: Int64 { Int64(Date().timeIntervalSince1970) }
}
