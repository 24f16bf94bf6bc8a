internal import Logging
import MicroCore

#if canImport(Darwin)
    internal import Dispatch
    internal import Darwin
#else
    @preconcurrency internal import Dispatch
    #if canImport(Musl)
        internal import Musl
    #else
        internal import Glibc
    #endif
#endif

/// Takes the level of a program's log from its configuration file again when SIGHUP arrives.
///
/// Anybody who may signal the process and write its file may do so already, so nobody gets a right by it: an endpoint that
/// changes the level over the network would have to be guarded. Only a program with a configuration file has something
/// to read again; for all others SIGHUP is what it is to any program, the end.
struct LogLevelReload: Sendable {
    let configuration: ConfigurationSources
    let levelSwitch: LogLevelSwitch
    let defaultLevel: Logger.Level

    /// Listens for the signal while a closure runs.
    func whileRunning(_ body: () async throws -> Void) async throws {
        let logger = Logger.current
        let source = await SignalSource.start(SIGHUP, on: DispatchQueue(label: "micro.reload")) {
            reload(logger)
        }
        defer { source.cancel() }
        try await body()
    }

    private func reload(_ logger: Logger) {
        let level: Logger.Level
        do {
            level = try ProgramLog(SettingSources.forProgram(configuration).settings).level ?? defaultLevel
        } catch {
            logger.warning(
                "SIGHUP: the configuration file can't be used, so the level of the log stays.",
                metadata: [LogKeys.error: "\("\(error)".printable(limit: 2000))"])
            return
        }
        // Said at the more talkative one of the two levels, so that it is seen.
        if level < levelSwitch.level { levelSwitch.level = level }
        logger.notice(
            "SIGHUP: the level of the log was read again.", metadata: [LogKeys.level: "\(level)"])
        levelSwitch.level = level
    }
}

extension SettingSources {
    /// What a program is set up by before there is a service with parts that declare settings.
    static func forProgram(_ configuration: ConfigurationSources) throws(StartError) -> SettingSources {
        try SettingSources(configuration, SettingCatalogue([], overrides: PartOverrides()))
    }
}
