internal import MicroCore

/// Reads the values that stand in etcd.
///
/// The values of a service's nodes differ in little more than the node, which is their last part. What comes
/// before it is read once, and shared by the records.
struct RecordReader {
    private static let nodes = Array(#","nodes":["#.utf8)

    /// How many starts are remembered.
    private static let capacity = 64

    private let unreadable: UnreadableKeys
    private var heads: [[UInt8]: ServiceRecord] = [:]

    /// Creates a reader.
    ///
    /// - Parameter unreadable: Told of values that can't be read.
    init(unreadable: UnreadableKeys) { self.unreadable = unreadable }

    /// Reads a value.
    ///
    /// - Parameters:
    ///   - value: The value.
    ///   - key: Its key, to report it.
    /// - Returns: The record, with at least one node; `nil` if the value isn't one.
    mutating func read(_ value: [UInt8], at key: String) -> ServiceRecord? {
        do throws(Unusable) {
            let record = try decode(value)
            guard !record.name.isEmpty else { throw Unusable(reason: "It has no name.") }
            guard !record.nodes.isEmpty else { throw Unusable(reason: "It has no node.") }
            return record
        } catch {
            unreadable.report(key, error.reason)
            return nil
        }
    }

    private struct Unusable: Error { var reason: String }

    private mutating func decode(_ value: [UInt8]) throws(Unusable) -> ServiceRecord {
        guard let split = Self.split(value) else { return try Self.decodeWhole(value) }
        let start = Array(value[..<split])
        if let known = heads[start], let nodes = Self.nodes(value[split...]) {
            var record = known
            record.nodes = nodes
            return record
        }
        let record = try Self.decodeWhole(value)
        if heads.count >= Self.capacity { heads = [:] }
        heads[start] = ServiceRecord(
            name: record.name, version: record.version, metadata: record.metadata, endpoints: record.endpoints
        )
        return record
    }

    private static func decodeWhole(_ value: [UInt8]) throws(Unusable) -> ServiceRecord {
        do {
            return try ServiceRecord(json: value)
        } catch {
            throw Unusable(reason: (error as? MicroError)?.detail ?? "\(error)")
        }
    }

    /// Where the nodes begin, in a value as go-micro and we write it.
    ///
    /// The sign of it can't be part of a string, whose quotes would be escaped.
    private static func split(_ value: [UInt8]) -> Int? {
        var position = value.count - nodes.count
        while position > 0 {
            if value[position] == nodes[0], value[position..<position + nodes.count].elementsEqual(nodes) {
                return position
            }
            position -= 1
        }
        return nil
    }

    /// Reads the rest of a value whose start is known.
    ///
    /// It is a part of the same object only if an object that has nothing else in front of it is complete with
    /// it; otherwise, or if more than nodes is in it, the value is read as a whole.
    private static func nodes(_ rest: ArraySlice<UInt8>) -> [Node]? {
        guard let record = try? ServiceRecord(json: [UInt8(ascii: "{")] + rest.dropFirst()),
            record.name.isEmpty, record.version.isEmpty, record.metadata == nil, record.endpoints == nil
        else { return nil }
        return record.nodes
    }
}
