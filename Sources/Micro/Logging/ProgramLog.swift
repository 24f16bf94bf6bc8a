package import Logging
import MicroCore

/// The log of a program that ``runProgram(_:)`` or ``MicroService/main()`` runs.
///
/// ## Configuration keys
///
/// - `log.level`: The least level that is written.
/// - `log.format` (text): `text` for people, `json` for programs that collect logs.
package struct ProgramLog: Sendable {
    /// The forms of an entry.
    package enum Format: String, CaseIterable {
        case text, json

        /// Returns a handler that writes to standard error in this form.
        package func handler(label: String) -> any LogHandler {
            switch self {
            case .text: StreamLogHandler.standardError(label: label)
            case .json: JSONLogHandler(label: label) { _ = StandardStream.error.write($0) }
            }
        }
    }

    /// The names of levels, with those that go-micro has for them.
    private static let level = Setting(
        "log.level",
        .choice([
            "trace": Logger.Level.trace, "debug": .debug, "info": .info, "notice": .notice,
            "warning": .warning,
            "error": .error, "critical": .critical, "warn": .warning, "fatal": .critical,
        ]), without: "info for main(), notice for runProgram", scope: .shared,
        "the least level that is written")
    private static let format = Setting(
        "log.format", .choice(), default: Format.text, scope: .shared,
        "`json` writes each entry as one line of JSON with `time`, `level`, `message`, `source` and `attributes`"
    )

    /// What operators may set.
    static var declarations: [SettingDeclaration] { [level.declaration, format.declaration] }

    /// Returns the level of a name, such as `debug`, in small or capital letters.
    package static func level(named name: String) -> Logger.Level? { level.value(of: name) ?? nil }

    /// The level that was chosen, if one was.
    let level: Logger.Level?
    let format: Format

    /// Reads the configuration.
    ///
    /// - Parameter settings: The configuration; the defaults count if there is none.
    /// - Throws: A ``StartError`` for a level or a format that there isn't.
    init(_ settings: Settings?) throws(StartError) {
        let settings = settings ?? Settings(variables: [:])
        level = try settings[Self.level]
        format = try settings[Self.format]
    }

    /// Returns the logger of the program.
    ///
    /// A program that has set up a log of its own keeps it: then only the level counts, if one is chosen.
    ///
    /// - Parameters:
    ///   - current: The logger until now.
    ///   - defaultLevel: The level if none is chosen.
    /// - Returns: The logger.
    func logger(_ current: Logger, defaultLevel: Logger.Level) -> Logger {
        guard Self.isOurs(current) else {
            var logger = current
            if let level { logger.logLevel = level }
            return logger
        }
        var logger = Logger(label: current.label) { format.handler(label: $0) }
        logger.logLevel = level ?? defaultLevel
        return logger
    }

    /// Whether the program has set up no log of its own in place of a logger.
    static func isOurs(_ current: Logger) -> Bool { current.handler is StreamLogHandler }

    /// Returns a logger with a level that follows a switch.
    ///
    /// - Parameters:
    ///   - logger: The logger.
    ///   - levelSwitch: The switch.
    /// - Returns: The logger.
    static func logger(_ logger: Logger, following levelSwitch: LogLevelSwitch) -> Logger {
        let own = logger.handler
        return Logger(label: logger.label) { _ in SwitchedLogHandler(own, levelSwitch) }
    }
}
