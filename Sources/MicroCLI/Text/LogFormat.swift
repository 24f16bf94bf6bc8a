internal import ArgumentParser
internal import MicroCore
internal import MicroDebug
internal import SwiftProtobuf

/// How `micro logs` prints a line.
enum LogFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json

    /// Returns a record as a line, which ends with a newline.
    ///
    /// - Parameters:
    ///   - record: The record, which may have come from anybody.
    ///   - node: The node to name.
    /// - Returns: The line.
    /// - Throws: An error of the Protobuf library if the record can't be written as JSON.
    func line(of record: Debug_Record, node: String?) throws -> String {
        switch self {
        case .text: text(of: record, node: node) + "\n"
        case .json: try json(of: record, node: node) + "\n"
        }
    }

    private func text(of record: Debug_Record, node: String?) -> String {
        var fields = record.metadata
        var parts = [TimeText.of(seconds: record.timestamp)]
        if let node { parts.append("[\(node)]") }
        if let level = fields.removeValue(forKey: "level") { parts.append(level) }
        fields["logger"] = nil
        parts.append(record.message)
        parts += fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return parts.map { $0.printable(limit: 8192) }.joined(separator: " ")
    }

    private func json(of record: Debug_Record, node: String?) throws -> String {
        var record = record
        if let node { record.metadata["node"] = node }
        return try record.jsonString()
    }
}
