internal import Logging
internal import Micro
internal import MicroCore

/// What is logged: nothing, unless the user asks for it.
///
/// Whatever goes wrong is also told by the command's one line on standard error.
enum Log {
    /// Logs to standard error from the level of `MICRO_LOG_LEVEL` on, in the form of `MICRO_LOG_FORMAT`.
    ///
    /// - Throws: A failure if a variable is none of what it may be.
    static func configure(environment: [String: String]) throws(CommandFailure) {
        guard let text = environment["MICRO_LOG_LEVEL"], !text.isEmpty else { return disable() }
        guard let level = ProgramLog.level(named: text) else {
            throw CommandFailure(
                "MICRO_LOG_LEVEL is \"\(text.printable())\". It must be one of "
                    + Logger.Level.allCases.map(\.rawValue).joined(separator: ", ") + ".", .framework)
        }
        let name = environment["MICRO_LOG_FORMAT"] ?? ""
        guard let format = name.isEmpty ? .text : ProgramLog.Format(rawValue: name.lowercased()) else {
            throw CommandFailure(
                "MICRO_LOG_FORMAT is \"\(name.printable())\". It must be one of text, json.", .framework)
        }
        LoggingSystem.bootstrap { label in
            var handler = format.handler(label: label)
            handler.logLevel = level
            return handler
        }
    }

    /// Logs nothing.
    static func disable() { LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() } }
}
