import Foundation
import MicroDefaults
import MicroTestSupport
import Synchronization
import Testing

/// The built `micro` against a service in the test's own process, which sees what becomes of its calls.
@Suite(.timeLimit(.minutes(2))) struct StreamTests {
    private struct Start: Codable { var count: Int }
    private struct Tick: Codable {
        var zed: Int
        var alpha: String
    }

    /// Runs a service and gives its address.
    private func withService(
        _ endpoint: Endpoint, _ body: @Sendable (_ address: String) async throws -> Void
    ) async throws {
        let service = MicroService(
            "clock", address: "127.0.0.1:0", configuration: ["registry": "memory"]
        ) { endpoint }
        try await service.withRunning { running in try await body(running.address.description) }
    }

    private var ticks: Endpoint {
        Endpoint("Clock.Ticks") { (start: Start, ticks: MessageWriter<Tick>, context) in
            for number in 0..<start.count {
                try await ticks.write(Tick(zed: number, alpha: context.metadata["note"] ?? ""))
            }
            guard start.count < 3 else { throw MicroError(id: "clock", httpCode: 404, detail: "no more") }
        }
    }

    @Test func printsEveryReply() async throws {
        try await withService(ticks) { address in
            let json = try await Programs.micro(
                "stream", "clock", "Clock.Ticks", #"{"count":2}"#, "--address", address, "--metadata",
                "note=n")
            #expect(json.status == 0, "\(json.errors)")
            let replies = json.output.components(separatedBy: "}\n").dropLast()
            #expect(replies.count == 2)
            #expect(replies.allSatisfy { $0.hasPrefix("{\n\t\"") && $0.contains("\"alpha\": \"n\"") })

            let raw = try await Programs.micro(
                "stream", "clock", "Clock.Ticks", "-", "--address", address, "-o", "raw",
                input: #"{"count":2}"#)
            #expect(raw.output.split(separator: "\n").count == 2)
        }
    }

    @Test func tellsHowAStreamFailed() async throws {
        try await withService(ticks) { address in
            let failed = try await Programs.micro(
                "stream", "clock", "Clock.Ticks", #"{"count":3}"#, "--address", address, "-o", "raw")
            #expect(failed.status == 127)
            #expect(failed.output.split(separator: "\n").count == 3)
            #expect(
                failed.errors == #"error calling clock.Clock.Ticks: {"id":"clock","code":404,"#
                    + #""detail":"no more","status":"Not Found"}"# + "\n")
        }
    }

    /// With an address nothing is looked up, so that the command learns only from the answer that it is a stream.
    @Test(arguments: [0, 2])
    func aCallOfAStreamSaysHowItIsCalled(replies: Int) async throws {
        try await withService(ticks) { address in
            let call = try await Programs.micro(
                "call", "clock", "Clock.Ticks", "{\"count\":\(replies)}", "--address", address)
            #expect(call.status == 64)
            #expect(call.output.isEmpty)
            #expect(
                call.errors
                    == "Clock.Ticks is a streaming endpoint. Call it with: micro stream clock Clock.Ticks … "
                    + "--address \(address)\n")
        }
    }

    @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
    func aSignalEndsTheStream(signal: Int32, status: Int32) async throws {
        let wasCancelled = Mutex(false)
        let endless = Endpoint("Clock.Ticks") { (_: Start, ticks: MessageWriter<Tick>, _) in
            try await ticks.write(Tick(zed: 1, alpha: "first"))
            try? await Task.sleep(for: .seconds(60))
            wasCancelled.withLock { $0 = Task.isCancelled }
        }
        try await withService(endless) { address in
            let program = try ForeignProgram(
                Programs.path("micro"),
                ["stream", "clock", "Clock.Ticks", #"{"count":1}"#, "--address", address])
            try await program.waitForOutput("first")
            program.send(signal: signal)
            #expect(try await program.exitStatus() == status)
            #expect(program.errorOutput.isEmpty)
        }
        // The service has stopped, so its handlers have ended.
        #expect(wasCancelled.withLock { $0 })
    }

    @Test func sendsEachValueOfStandardInput() async throws {
        let sum = Endpoint("Clock.Sum") {
            (starts: MicroDefaults.MessageStream<Start>, sums: MessageWriter<Start>, _) in
            var sum = 0
            for try await start in starts {
                sum += start.count
                try await sums.write(Start(count: sum))
            }
        }
        try await withService(sum) { address in
            let program = try ForeignProgram(
                Programs.path("micro"),
                ["stream", "clock", "Clock.Sum", "-", "--address", address, "-o", "raw"])
            // Each is sent before the next is there, and answered.
            try program.write("{\"count\":1}\n")
            try await program.waitForOutput("{\"count\":1}\n")
            try program.write("{\n  \"count\": 10\n}\n\n")
            try await program.waitForOutput("{\"count\":11}\n")
            try program.write("{\"count\":100}")
            program.closeInput()
            #expect(try await program.exitStatus() == 0, "\(program.errorOutput)")
            #expect(program.output == "{\"count\":1}\n{\"count\":11}\n{\"count\":111}\n")

            let wrong = try await Programs.micro(
                "stream", "clock", "Clock.Sum", "-", "--address", address, "-o", "raw",
                input: "{\"count\":1}\n{oops}\n{\"count\":1}\n")
            #expect(wrong.status == 64)
            #expect(wrong.errors.hasPrefix("The request is not JSON: line 1, column 2: "), "\(wrong.errors)")
        }
    }

    @Test func aServiceThatEndsTheStreamEndsTheCommandWhileInputIsOpen() async throws {
        let one = Endpoint("Clock.One") {
            (starts: MicroDefaults.MessageStream<Start>, replies: MessageWriter<Start>, _) in
            for try await start in starts { return try await replies.write(start) }
        }
        try await withService(one) { address in
            let program = try ForeignProgram(
                Programs.path("micro"),
                ["stream", "clock", "Clock.One", "-", "--address", address, "-o", "raw"])
            try program.write("{\"count\":1}\n")
            #expect(try await program.exitStatus() == 0, "\(program.errorOutput)")
            #expect(program.output == "{\"count\":1}\n")
        }
    }

    @Test func aCallOfAStreamingEndpointNamesStream() async throws {
        let name = "clock-\(UUID().uuidString.prefix(8).lowercased())"
        let service = MicroService(name, configuration: ["registry": "mdns"]) { ticks }
        try await service.withRunning { _ in
            let called = try await Programs.micro(
                "call", name, "Clock.Ticks", #"{"count":1}"#, environment: ["MICRO_REGISTRY": "mdns"])
            #expect(called.status == 64)
            #expect(called.output.isEmpty)
            #expect(
                called.errors
                    == "Clock.Ticks is a streaming endpoint. Call it with: micro stream \(name) Clock.Ticks …\n"
            )
        }
    }

    @Test(arguments: [(401, 2), (408, 1), (403, 127)] as [(Int, Int32)])
    func theOutcomeOfACallIsTheExitStatus(code: Int, status: Int32) async throws {
        let refusing = Endpoint("Door.Open") { (_: Start, _) -> Tick in
            throw MicroError(id: "door", httpCode: code, detail: "no")
        }
        try await withService(refusing) { address in
            let called = try await Programs.micro(
                "call", "door", "Door.Open", #"{"count":1}"#, "--address", address)
            #expect(called.status == status)
            #expect(
                called.errors.hasPrefix("error calling door.Door.Open: {\"id\":\"door\",\"code\":\(code),"))
        }
    }

    @Test func aCallEndsWithItsTimeLimit() async throws {
        let slow = Endpoint("Door.Open") { (_: Start, _) -> Tick in
            try await Task.sleep(for: .seconds(60))
            return Tick(zed: 0, alpha: "")
        }
        try await withService(slow) { address in
            let called = try await Programs.micro(
                "call", "door", "Door.Open", #"{"count":1}"#, "--address", address, "--request_timeout",
                "200ms")
            #expect(called.status == 1, "\(called.errors)")
        }
    }
}
