internal import Logging
import MicroCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Runs what a program does; if it fails, says why and ends the process with the status 1.
///
/// An error that leaves the top level of a Swift program ends it with a crash report. This is the better
/// end for a program: one line on standard error.
///
/// ```swift
/// await runProgram {
///     try await withMicroClient { client in _ = try await client.services() }
/// }
/// ```
///
/// The framework's log goes to standard error. `MICRO_LOG_LEVEL` says from which level on, `notice` by default, which
/// leaves a short program silent unless something is wrong, and `MICRO_LOG_FORMAT=json` makes each entry a line of
/// JSON. A program with a log of its own, set up by `LoggingSystem.bootstrap` or `withLogger`, keeps it.
///
/// - Parameter body: What the program does.
public func runProgram(_ body: () async throws -> Void) async {
    await runProgram(.process, defaultLevel: .notice, reloads: false, body)
}

private func runProgram(
    _ configuration: ConfigurationSources, defaultLevel: Logger.Level, reloads: Bool,
    _ body: () async throws -> Void
) async {
    do {
        // A flag or file that can't be used is reported by the service or client that is made of it.
        let sources = try? SettingSources.forProgram(configuration)
        let log = try ProgramLog(sources?.settings)
        let logger = log.logger(.current, defaultLevel: defaultLevel)
        if reloads, sources?.file != nil, ProgramLog.isOurs(.current) {
            let levelSwitch = LogLevelSwitch(logger.logLevel)
            let reload = LogLevelReload(
                configuration: configuration, levelSwitch: levelSwitch, defaultLevel: defaultLevel)
            try await withLogger(ProgramLog.logger(logger, following: levelSwitch)) { _ in
                try await reload.whileRunning(body)
            }
        } else {
            try await withLogger(logger) { _ in try await body() }
        }
    } catch {
        let program = CommandLine.arguments.first?.split(separator: "/").last ?? "program"
        // If it can't be written there is nobody left to tell.
        _ = StandardStream.error.write(Array("\(program): \(error)\n".utf8))
        exit(1)
    }
}

extension MicroService {
    /// Runs the service as a program of its own: until a signal stops it, and with a line on standard error and the
    /// status 1 if it fails.
    ///
    /// SIGTERM and SIGINT stop the service in order. A second signal forces the stop: it waits for nothing more, and
    /// cancels the calls that run; a third one ends the process. A stop that takes longer than the time limits of all
    /// its steps together and 15 s is forced as well. Of a service that does not end within 5 s of that, since a handler
    /// ignores that it is cancelled, the process is ended: with 128 and the signal's number, or with 1 if no signal
    /// stopped it.
    ///
    /// The framework's log goes to standard error, as ``runProgram(_:)`` says, by default from the level `info` on. If
    /// there is a configuration file, SIGHUP has its level read from it again; nothing else changes by that.
    /// With the flag `--help` it prints what can be set, and what is set, in place of running.
    public func main() async { await main(StopLimits()) }

    /// The same with other limits.
    package func main(_ limits: StopLimits) async {
        await runProgram(definition.configuration, defaultLevel: .info, reloads: true) {
            guard !isAskedForHelp else {
                _ = StandardStream.output.write(Array(try help().utf8))
                return
            }
            let stop = StopSignal(limits: limits)
            try await ProgramStop.handling(for: stop) { try await run(until: stop) }
        }
    }
}
