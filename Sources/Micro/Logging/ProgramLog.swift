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
    private static let levels: [String: Logger.Level] = [
        "trace": .trace, "debug": .debug, "info": .info, "notice": .notice, "warning": .warning,
        "warn": .warning, "error": .error, "critical": .critical, "fatal": .critical,
    ]

    /// Returns the level of a name, in letters of either case.
    ///
    /// - Parameter name: The name.
    /// - Returns: The level, or `nil` if there is none of that name.
    package static func level(named name: String) -> Logger.Level? { levels[name.lowercased()] }

    /// The level that was chosen, if one was.
    let level: Logger.Level?
    let format: Format

    /// Reads the configuration.
    ///
    /// - Parameter settings: The configuration; the defaults count if there is none.
    /// - Throws: A ``StartError`` for a level or a format that there isn't.
    init(_ settings: Settings?) throws(StartError) {
        if let value = settings?.value("log.level") {
            guard let level = Self.level(named: value.text) else {
                throw value.invalid("trace, debug, info, notice, warning, error or critical")
            }
            self.level = level
        } else {
            level = nil
        }
        if let value = settings?.value("log.format") {
            guard let format = Format(rawValue: value.text.lowercased()) else {
                throw value.invalid("text or json")
            }
            self.format = format
        } else {
            format = .text
        }
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
        guard current.handler is StreamLogHandler else {
            var logger = current
            if let level { logger.logLevel = level }
            return logger
        }
        var logger = Logger(label: current.label) { format.handler(label: $0) }
        logger.logLevel = level ?? defaultLevel
        return logger
    }
}
