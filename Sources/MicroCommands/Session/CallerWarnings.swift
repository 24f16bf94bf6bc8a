internal import Logging
internal import MicroCore
internal import Synchronization

/// What a part warns its caller of, such as a registry whose answer may be incomplete.
///
/// Such a warning goes to the log of the caller, and that of a command is off unless the user asks for it.
enum CallerWarnings {
    /// Does something and writes what it is warned of to the standard error, where the log doesn't show it.
    static func shown<Value>(_ body: () async throws -> Value) async throws -> Value {
        guard Logger.current.logLevel > .warning else { return try await body() }
        let (value, warnings) = try await collected(body)
        for warning in warnings { Output.writeError(warning) }
        return value
    }

    /// Does something and returns what it is warned of, a line for each warning.
    static func collected<Value>(
        _ body: () async throws -> Value
    ) async throws -> (value: Value, warnings: [String]) {
        let collector = WarningCollector()
        let value = try await withLogger(logLevel: .warning, handler: collector) { _ in try await body() }
        return (value, collector.warnings.all.withLock { $0 })
    }
}

/// Keeps the messages of warnings.
private struct WarningCollector: LogHandler {
    final class Warnings: Sendable {
        let all = Mutex<[String]>([])
    }

    /// The most that are kept.
    private static let limit = 10

    let warnings = Warnings()
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        warnings.all.withLock { all in
            if all.count < Self.limit { all.append(event.message.description.printable(limit: 1000)) }
        }
    }
}
