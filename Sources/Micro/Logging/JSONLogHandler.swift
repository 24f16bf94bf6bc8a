internal import FoundationEssentials
internal import Logging
internal import MicroWire

/// Writes each entry of the log as one line of JSON.
///
/// A line has `time` (RFC 3339 in UTC), `level`, `message`, `source`, `logger` if it has a label, and `attributes` if
/// there are any.
struct JSONLogHandler: LogHandler {
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()
    var metadataProvider = LoggingSystem.metadataProvider
    private let label: String
    private let write: @Sendable (_ line: [UInt8]) -> Void

    /// Creates a handler.
    ///
    /// - Parameters:
    ///   - label: The logger's label.
    ///   - write: Writes a line, all at once.
    init(label: String, write: @escaping @Sendable (_ line: [UInt8]) -> Void) {
        self.label = label
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var text = JSONText()
        func field(_ name: String, _ value: String) {
            text.raw(",")
            text.string(name)
            text.raw(":")
            text.string(value)
        }
        text.raw(#"{"time":"#)
        text.string(Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        field("level", event.level.rawValue)
        field("message", "\(event.message)")
        field("source", event.source)
        if !label.isEmpty { field("logger", label) }
        let attributes = attributes(of: event)
        if !attributes.isEmpty {
            text.raw(#","attributes":"#)
            Self.append(.dictionary(attributes), to: &text)
        }
        text.raw("}\n")
        write(text.bytes)
    }

    private func attributes(of event: LogEvent) -> Logger.Metadata {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        if let error = event.error { all[LogKeys.error] = "\(error)" }
        return all
    }

    private static func append(_ value: Logger.Metadata.Value, to text: inout JSONText) {
        switch value {
        case .string(let string): text.string(string)
        case .stringConvertible(let value): text.string("\(value)")
        case .array(let values):
            text.raw("[")
            for (position, value) in values.enumerated() {
                if position > 0 { text.raw(",") }
                append(value, to: &text)
            }
            text.raw("]")
        case .dictionary(let fields):
            text.raw("{")
            for (position, (key, value)) in fields.sorted(by: { $0.key < $1.key }).enumerated() {
                if position > 0 { text.raw(",") }
                text.string(key)
                text.raw(":")
                append(value, to: &text)
            }
            text.raw("}")
        }
    }
}
