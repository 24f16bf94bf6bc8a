import Micro
import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTesting
import Testing

@Suite("Hedging: several attempts at once", .timeLimit(.minutes(2)))
struct HedgingTests {
    private let nodes = [
        Node(id: "a", address: "10.0.0.1:1"), Node(id: "b", address: "10.0.0.2:1"),
        Node(id: "c", address: "10.0.0.3:1"),
    ]

    private func withClient<Result: Sendable>(
        _ transport: ScriptedTransport, _ clock: ManualClock, _ body: (MicroClient) async throws -> Result
    ) async throws -> Result {
        let registry = MemoryRegistry()
        try await registry.register(ServiceRecord(name: "greeter", nodes: nodes), timeToLive: nil)
        let client = MicroClient(
            registry: registry, transports: [transport], plugins: testPlugins, configuration: .test())
        return try await withMicroClient(client.onTestClock(TimeSource(clock)), body)
    }

    private static func never() async throws(MicroError) -> String {
        try? await Task.sleep(for: .seconds(60))
        throw MicroError(.cancelled, "cancelled")
    }

    @Test("the next attempt begins when the first is not answered in time; the first answer ends the others")
    func firstAnswer() async throws {
        let journal = Journal()
        let transport = ScriptedTransport { node, head, number async throws(MicroError) in
            journal.add("\(number) \(head.metadata["grpc-previous-rpc-attempts"] ?? "-")")
            guard number == 1 else { return "answer \(number)" }
            defer { journal.add("first ended") }
            return try await Self.never()
        }
        let clock = ManualClock()
        try await withClient(transport, clock) { client in
            async let reply = client.hello(
                options: CallOptions(
                    timeout: .seconds(30), hedging: HedgingPolicy(attempts: 3, delay: .milliseconds(50))))
            await journal.wait(for: "1 -")
            // The client's own interval, and the wait for the second attempt.
            await clock.waitForSleepers(2)
            clock.advance(by: .milliseconds(50))
            let answer = try await reply
            #expect(answer == "answer 2")
        }
        #expect(journal.lines == ["1 -", "2 1", "first ended"])
    }

    @Test(
        "a failure that is not fatal begins the next attempt at once, on another node; a fatal one ends the call"
    )
    func failures() async throws {
        let journal = Journal()
        let transport = ScriptedTransport { node, _, number throws(MicroError) in
            journal.add(node.id)
            throw MicroError(number < 3 ? .unavailable : .invalidArgument, "no")
        }
        let error = try await withClient(transport, ManualClock()) { client in
            try await #require(throws: MicroError.self) {
                try await client.hello(
                    options: CallOptions(hedging: HedgingPolicy(attempts: 5, delay: .seconds(1000))))
            }
        }
        #expect(error.status == .invalidArgument)
        #expect(Set(journal.lines) == ["a", "b", "c"])
    }

    @Test("a server that wants no other attempt gets none; what is in progress goes on")
    func pushback() async throws {
        let transport = ScriptedTransport { _, _, _ throws(MicroError) in
            var error = MicroError(.unavailable, "busy")
            error.retryPushback = .never
            throw error
        }
        let error = try await withClient(transport, ManualClock()) { client in
            try await #require(throws: MicroError.self) {
                try await client.hello(options: CallOptions(hedging: HedgingPolicy(delay: .seconds(1000))))
            }
        }
        #expect(error.status == .unavailable && transport.calls == 1)
    }

    @Test("a caller who gives up ends all attempts")
    func cancelled() async throws {
        let journal = Journal()
        let transport = ScriptedTransport { _, _, number async throws(MicroError) in
            journal.add("begin")
            defer { journal.add("end") }
            return try await Self.never()
        }
        let clock = ManualClock()
        try await withClient(transport, clock) { client in
            let task = Task {
                try await client.hello(
                    options: CallOptions(
                        timeout: .seconds(30), hedging: HedgingPolicy(delay: .milliseconds(50))))
            }
            await journal.wait(for: 1)
            await clock.waitForSleepers(2)
            clock.advance(by: .milliseconds(50))
            await journal.wait(for: 2)
            task.cancel()
            let error = await #expect(throws: MicroError.self) { try await task.value }
            #expect(error?.status == .cancelled)
        }
        #expect(journal.lines == ["begin", "begin", "end", "end"])
    }
}
