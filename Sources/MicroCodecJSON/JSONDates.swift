#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Dates as RFC 3339 text, which is Go's and Protobuf's form in JSON.
enum JSONDates {
    private static let whole = Date.ISO8601FormatStyle()
    private static let fractional = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    /// Writes a date, with milliseconds where it has any.
    @Sendable static func encode(_ date: Date, to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        let seconds = date.timeIntervalSince1970
        let style = seconds == seconds.rounded(.down) ? whole : fractional
        try container.encode(style.format(date))
    }

    /// Reads a date with or without a fraction of a second.
    @Sendable static func decode(from decoder: any Decoder) throws -> Date {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        for style in [whole, fractional] {
            if let date = try? style.parse(text) { return date }
        }
        throw DecodingError.dataCorruptedError(
            in: container, debugDescription: "\"\(text)\" is not a date as RFC 3339 writes it")
    }
}
