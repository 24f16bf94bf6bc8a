internal import MicroCore
internal import MicroDebug

/// A line of a service's log, as `micro logs` prints it.
enum LogLine {
    /// The keys of a record's metadata that are told apart.
    private static let level = "level"
    private static let logger = "logger"

    /// Returns a record for people: its time in UTC, its level, its text and its fields.
    ///
    /// - Parameters:
    ///   - record: The record, which may have come from anybody.
    ///   - node: The node to name.
    /// - Returns: The line, which ends with a newline.
    static func text(of record: Debug_Record, node: String?) -> String {
        var fields = record.metadata
        var parts = [TimeText.of(seconds: record.timestamp)]
        if let node { parts.append("[\(node)]") }
        if let level = fields.removeValue(forKey: level) { parts.append(level) }
        fields[logger] = nil
        parts.append(record.message)
        parts += fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return parts.map { $0.printable(limit: 8192) }.joined(separator: " ") + "\n"
    }

    /// Returns a record for programs: a line of JSON whose time is as RFC 3339 has it.
    ///
    /// - Parameters:
    ///   - record: The record, which may have come from anybody.
    ///   - node: The node that has logged it.
    /// - Returns: The line, which ends with a newline.
    static func json(of record: Debug_Record, node: String) -> [UInt8] {
        var fields = record.metadata
        var line: [(key: String, value: JSONValue)] = [
            ("time", .string(TimeText.rfc3339(seconds: record.timestamp, nanoseconds: record.nanoseconds))),
            ("node", .string(node)),
        ]
        if let level = fields.removeValue(forKey: level) { line.append(("level", .string(level))) }
        if let logger = fields.removeValue(forKey: logger) { line.append(("logger", .string(logger))) }
        line.append(("message", .string(record.message)))
        line.append(("metadata", .map(fields)))
        return JSONValue.object(line).line + [UInt8(ascii: "\n")]
    }
}
