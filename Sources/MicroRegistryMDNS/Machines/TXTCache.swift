internal import MicroCore

/// Remembers what texts mean that were read lately.
///
/// A node's text comes over each interface and address family, and again with every answer, and the nodes of a
/// service often have the same one. Inflating and parsing it each time would cost more than all the rest.
///
/// There are two generations. What is used moves to the young one; when that is full it becomes the old one, and
/// what was not used since is forgotten.
struct TXTCache {
    private static let maximumCount = 1024
    private static let maximumSize = 16 << 20

    private struct Generation {
        var readings: [[[UInt8]]: TextReading] = [:]
        var size = 0
    }

    private var young = Generation()
    private var old = Generation()

    /// Returns what came of reading a text, if that is known.
    ///
    /// - Parameter strings: The text.
    /// - Returns: The reading.
    mutating func reading(of strings: [[UInt8]]) -> TextReading? {
        if let known = young.readings[strings] { return known }
        guard let known = old.readings[strings] else { return nil }
        remember(known, of: strings)
        return known
    }

    /// Remembers what came of reading a text.
    ///
    /// - Parameters:
    ///   - reading: What came of it.
    ///   - strings: The text.
    mutating func remember(_ reading: TextReading, of strings: [[UInt8]]) {
        let growth = strings.reduce(reading.size) { $0 + 32 + $1.count }
        if young.readings.count >= Self.maximumCount || young.size + growth > Self.maximumSize {
            old = young
            young = Generation()
        }
        young.readings[strings] = reading
        young.size += growth
    }
}
