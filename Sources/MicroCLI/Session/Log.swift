internal import Logging
internal import MicroCore

/// What is logged: nothing, unless the user asks for it.
///
/// Whatever goes wrong is also told by the command's one line on standard error.
enum Log {
    /// Logs to standard error from the level of `MICRO_LOG_LEVEL` on.
    ///
    /// - Throws: A failure if the variable is none of the levels.
    static func configure(environment: [String: String]) throws(CommandFailure) {
        guard let text = environment["MICRO_LOG_LEVEL"], !text.isEmpty else { return disable() }
        guard let level = Logger.Level(rawValue: text.lowercased()) else {
            throw CommandFailure(
                "MICRO_LOG_LEVEL is \"\(text.printable())\". It must be one of "
                    + Logger.Level.allCases.map(\.rawValue).joined(separator: ", ") + ".", .framework)
        }
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
    }

    /// Logs nothing.
    static func disable() { LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() } }
}
