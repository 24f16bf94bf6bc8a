import Foundation
import InMemoryLogging
import Logging
import Synchronization
import Testing

@testable import Micro
@testable import MicroCore

@Suite("The log of a program", .timeLimit(.minutes(2)))
struct LogTests {
    private func log(_ environment: [String: String]) throws -> ProgramLog {
        try ProgramLog(Settings(variables: environment))
    }

    @Test("is chosen by variables, and what can't be chosen ends the start")
    func variables() throws {
        #expect(try log([:]).level == nil)
        #expect(try log(["MICRO_LOG_LEVEL": "Debug", "MICRO_LOG_FORMAT": "json"]).level == .debug)
        #expect(try log(["MICRO_LOG_LEVEL": "warn"]).level == .warning)
        #expect(try log(["MICRO_LOG_FORMAT": "JSON"]).format == .json)
        for (name, value) in [("MICRO_LOG_LEVEL", "loud"), ("MICRO_LOG_FORMAT", "xml")] {
            let error = #expect(throws: StartError.self) { try log([name: value]) }
            #expect(error?.message.contains("\(name) is \"\(value)\"") == true)
        }
    }

    @Test("has a level of its own, and leaves a log alone that the program has set up")
    func level() throws {
        let standard = Logger(label: "") { StreamLogHandler.standardError(label: $0) }
        #expect(try log([:]).logger(standard, defaultLevel: .notice).logLevel == .notice)
        #expect(
            try log(["MICRO_LOG_LEVEL": "error"]).logger(standard, defaultLevel: .notice).logLevel == .error)
        let own = Logger(label: "own") { _ in InMemoryLogHandler() }
        let kept = try log(["MICRO_LOG_FORMAT": "json"]).logger(own, defaultLevel: .error)
        #expect(kept.handler is InMemoryLogHandler && kept.logLevel == own.logLevel)
    }

    @Test("has a line of JSON for each entry")
    func json() throws {
        let lines = Mutex<[[UInt8]]>([])
        var logger = Logger(label: "test") { label in
            JSONLogHandler(label: label) { line in lines.withLock { $0.append(line) } }
        }
        logger[metadataKey: "a"] = "1"
        logger.warning("Line\n\"two\" \u{1B}[31m", metadata: ["list": ["x", ["k": "v"]], "a": "2"])
        logger.debug("left out")
        let line = try #require(lines.withLock(\.self).first)
        #expect(lines.withLock(\.count) == 1 && line.last == 0x0A && !line.dropLast().contains(0x0A))
        #expect(!line.contains(0x1B))
        let fields = try #require(
            try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        #expect(fields["level"] as? String == "warning")
        #expect(fields["message"] as? String == "Line\n\"two\" \u{1B}[31m")
        #expect(fields["logger"] as? String == "test" && fields["source"] is String)
        let time = try #require(fields["time"] as? String)
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z/) != nil)
        let attributes = try #require(fields["attributes"] as? [String: Any])
        #expect(attributes["a"] as? String == "2")
        #expect((attributes["list"] as? [Any])?.count == 2)
    }
}
