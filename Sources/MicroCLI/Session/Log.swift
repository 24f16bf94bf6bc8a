internal import Logging

/// What is logged: nothing, unless the user asks for it.
///
/// Whatever goes wrong is also told by the command's one line on standard error.
enum Log {
    static func configure(environment: [String: String]) {
        let level = environment["MICRO_LOG_LEVEL"].flatMap { Logger.Level(rawValue: $0.lowercased()) }
        LoggingSystem.bootstrap { label in
            guard let level else { return SwiftLogNoOpLogHandler() }
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
    }
}
