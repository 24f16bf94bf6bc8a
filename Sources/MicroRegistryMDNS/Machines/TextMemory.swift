internal import MicroCore

/// Remembers what texts mean that were read lately.
///
/// A node's text comes over each interface and address family, and again with every answer. Inflating
/// and parsing it each time would cost more than all the rest.
struct TextMemory {
    private struct Key: Hashable {
        let name: DNSName
        let content: Sighting.Content
    }

    private static let maximumCount = 512
    private static let maximumSize = 8 << 20

    /// The readings; `nil` for a text that can't be read.
    private var records: [Key: ServiceRecord?] = [:]
    private var size = 0

    /// Returns what a node is, from its text.
    ///
    /// - Parameters:
    ///   - sighting: The node.
    ///   - names: The names of the domain.
    /// - Returns: The service with this one node; `nil` if the text can't be read.
    mutating func record(of sighting: Sighting, names: ServiceNames) -> ServiceRecord? {
        let key = Key(name: sighting.name, content: sighting.content)
        if let known = records[key] { return known }
        let record = sighting.record(names: names)
        let growth = sighting.content.text.reduce(record?.approximateSize ?? 0) { $0 + $1.count }
        if records.count >= Self.maximumCount || size + growth > Self.maximumSize {
            records.removeAll(keepingCapacity: true)
            size = 0
        }
        records[key] = .some(record)
        size += growth
        return record
    }
}
