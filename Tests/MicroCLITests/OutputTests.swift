import Foundation
import MicroTestSupport
import Testing

@testable import MicroCommands

/// What programs read: `-o json`.
@Suite(.timeLimit(.minutes(2))) struct OutputTests {
    private let mdns = ["MICRO_REGISTRY": "mdns"]

    private func json(_ arguments: String...) async throws -> Any {
        let program = try ForeignProgram(
            Programs.path("micro"), arguments + ["-o", "json"], environment: mdns)
        #expect(try await program.exitStatus() == 0, "\(program.errorOutput)")
        return try JSONSerialization.jsonObject(with: Data(program.output.utf8))
    }

    @Test func everyCommandThatShowsSomethingSpeaksJSON() async throws {
        let (name, program) = try await Programs.greeter(environment: mdns)

        let services = try #require(try await json("services") as? [[String: Any]])
        #expect(services.contains { $0["name"] as? String == name })

        let records = try #require(try await json("get", "service", name) as? [[String: Any]])
        #expect(records.first?["name"] as? String == name)
        let endpoints = try #require(records.first?["endpoints"] as? [[String: Any]])
        #expect(endpoints.contains { $0["name"] as? String == "Greeter.Hello" })

        for command in ["health", "stats"] {
            let report = try #require(try await json(command, name) as? [String: Any])
            #expect(report["service"] as? String == name)
            let node = try #require((report["nodes"] as? [[String: Any]])?.first)
            #expect((node["id"] as? String)?.hasPrefix("\(name)-") == true)
            #expect(node["version"] as? String == "latest")
            #expect(node["address"] is String)
            if command == "health" {
                #expect(node["status"] as? String == "ok")
            } else {
                let started = try #require(node["started"] as? String)
                #expect(started.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/#) != nil)
                #expect(node["requests"] is Int && node["errors"] is Int && node["uptime_seconds"] is Int)
            }
        }

        let plugins = try #require(try await json("plugins") as? [[String: Any]])
        #expect(
            plugins.contains { $0["role"] as? String == "registry" && $0["default"] as? Bool == true })
        let version = try #require(try await json("version") as? [String: Any])
        #expect(version["version"] as? String == ToolVersion.text)
        await program.stop()
    }

    @Test func linesOfALogHaveTimesWithFractions() async throws {
        let (name, program) = try await Programs.greeter(environment: mdns)
        let logs = try await Programs.micro("logs", name, "-o", "json", environment: mdns)
        #expect(logs.status == 0, "\(logs.errors)")
        let lines = try logs.output.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
        let runs = try #require(lines.first { $0["message"] as? String == "Service started." })
        let time = try #require(runs["time"] as? String)
        #expect(time.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z/#) != nil, "\(time)")
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        let date = try #require(formatter.date(from: String(time.prefix(23)) + "Z"))
        #expect(abs(date.timeIntervalSinceNow) < 60)
        #expect(runs["level"] as? String == "notice")
        #expect((runs["node"] as? String)?.hasPrefix("\(name)-") == true)
        #expect((runs["metadata"] as? [String: String])?["rpc.service"] == name)
        await program.stop()
    }

    @Test func timesAreAsRFC3339HasThem() {
        #expect(TimeText.rfc3339(seconds: 0, nanoseconds: 5) == "1970-01-01T00:00:00.000000005Z")
        #expect(TimeText.rfc3339(seconds: 1_767_366_245) == "2026-01-02T15:04:05Z")
        #expect(TimeText.rfc3339(seconds: .max, nanoseconds: .min) == "9223372036854775807")
        #expect(TimeText.rfc3339(seconds: 1, nanoseconds: .max) == "1970-01-01T00:00:01.999999999Z")
        #expect(TimeText.of(seconds: 1_767_366_245) == "2026-01-02 15:04:05")
    }
}
