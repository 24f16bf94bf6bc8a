internal import MicroCore
internal import MicroWire

/// Reads the values that stand in etcd.
///
/// The values of a service's nodes differ in little more than the node, which is their last part. What comes
/// before it is read once, and shared by the records.
struct RecordReader {
    private static let nodes = Array(#","nodes":["#.utf8)

    /// How many starts are remembered.
    private static let capacity = 64

    private let unreadable: UnreadableKeys
    private var heads: [Head] = []

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

    /// The start of a value, and the record without nodes that it stands for.
    private struct Head {
        var text: [UInt8]
        var record: ServiceRecord
    }

    private mutating func decode(_ value: [UInt8]) throws(Unusable) -> ServiceRecord {
        guard value.count <= ServiceRecord.maximumJSONSize, let split = Self.split(value),
            let nodes = Self.nodes(of: value, from: split)
        else { return try Self.decodeWhole(value) }
        let start = value[..<split]
        if let head = heads.first(where: { $0.text.count == start.count && $0.text.elementsEqual(start) }) {
            var record = head.record
            record.nodes = nodes
            return record
        }
        let record = try Self.decodeWhole(value)
        if heads.count >= Self.capacity { heads = [] }
        var bare = record
        bare.nodes = []
        heads.append(Head(text: Array(start), record: bare))
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

    /// Reads the rest of a value.
    ///
    /// It is a part of the same object only if an object that has nothing else in front of it is complete with
    /// it; otherwise, or if more than nodes is in it, the value is read as a whole.
    private static func nodes(of value: [UInt8], from split: Int) -> [Node]? {
        if let nodes = RecordText.nodes(value, from: split) { return nodes }
        guard let record = try? ServiceRecord(json: [UInt8(ascii: "{")] + value[split...].dropFirst()),
            record.name.isEmpty, record.version.isEmpty, record.metadata == nil, record.endpoints == nil
        else { return nil }
        return record.nodes
    }
}
