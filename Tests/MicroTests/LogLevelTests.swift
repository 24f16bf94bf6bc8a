import Foundation
import InMemoryLogging
import Logging
import MicroTestSupport
import Testing

@testable import Micro

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite("The level of a log that changes", .timeLimit(.minutes(2)))
struct LogLevelTests {
    private let log = InMemoryLogHandler()
    private let levelSwitch = LogLevelSwitch(.info)

    private var logger: Logger {
        ProgramLog.logger(Logger(label: "test") { _ in log }, following: levelSwitch)
    }

    @Test("copies of a logger follow it, but those that have a level of their own")
    func copies() {
        var copy = logger
        copy[metadataKey: "key"] = "value"
        var own = logger
        own.logLevel = .error
        for level in Logger.Level.allCases {
            levelSwitch.level = level
            #expect(levelSwitch.level == level && copy.logLevel == level && own.logLevel == .error)
        }
        levelSwitch.level = .debug
        copy.debug("one")
        own.debug("none")
        levelSwitch.level = .error
        copy.debug("none")
        #expect(log.entries.map { "\($0.message)" } == ["one"])
        #expect(log.entries.first?.metadata["key"] == "value")
    }

    @Test("a handler beside it keeps its level")
    func beside() {
        let kept = InMemoryLogHandler()
        var second = kept
        second.logLevel = .info
        let both = logger.adding([{ [second] _ in second }])
        for level in [Logger.Level.error, .info, .debug] {
            levelSwitch.level = level
            #expect(both.logLevel == min(level, .info))
            both.debug("debug at \(level)")
            both.info("info at \(level)")
        }
        #expect(log.entries.map { "\($0.message)" } == ["info at info", "debug at debug", "info at debug"])
        #expect(kept.entries.map { "\($0.message)" } == ["info at error", "info at info", "info at debug"])
    }

    @Test("SIGHUP has main() read the level from the configuration file again")
    func hangup() async throws {
        await #expect(processExitsWith: .success) {
            let file = FileManager.default.temporaryDirectory.appending(path: "micro-\(UUID()).json")
            defer { try? FileManager.default.removeItem(at: file) }
            /// Writes the file, and waits for what a signal makes of it.
            @Sendable func hangUp(_ text: String, until condition: @Sendable () -> Bool) async throws {
                try Data(text.utf8).write(to: file)
                kill(getpid(), SIGHUP)
                try await eventually("\(text) counts") { condition() }
            }
            try Data(#"{"log_level": "error"}"#.utf8).write(to: file)
            let service = makeService(environment: ["MICRO_CONFIG_FILE": file.path]) { hello }
            await service.onReady { _ in
                let logger = Logger.current
                #expect(logger.logLevel == .error)
                try await hangUp(#"{"log_level": "debug"}"#) { logger.logLevel == .debug }
                try await hangUp(#"{"log_level": "warning"}"#) { logger.logLevel == .warning }
                // Nothing to go by, so the level stays.
                for text in [#"{"log_level": "loud"}"#, "{"] {
                    try Data(text.utf8).write(to: file)
                    kill(getpid(), SIGHUP)
                    try await Task.sleep(for: .milliseconds(50))
                    #expect(logger.logLevel == .warning)
                }
                try await hangUp("{}") { logger.logLevel == .info }
                raiseTermination()
            }.main()
        }
    }

    @Test("SIGHUP is left alone without a configuration file")
    func noFile() async throws {
        await #expect(processExitsWith: .signal(SIGHUP)) {
            await makeService { hello }.onReady { _ in
                kill(getpid(), SIGHUP)
                try await Task.sleep(for: .seconds(60))
            }.main()
        }
    }
}
