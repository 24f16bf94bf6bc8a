import Micro
import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTesting
import Synchronization
import Testing

@Suite("Selectors", .timeLimit(.minutes(2)))
struct SelectorTests {
    private let two = [Node(id: "a", address: "10.0.0.1:1"), Node(id: "b", address: "10.0.0.2:1")]

    private func withClient<Result: Sendable>(
        _ transport: ScriptedTransport, _ selector: any Selector, _ environment: [String: String] = [:],
        _ body: (MicroClient) async throws -> Result
    ) async throws -> Result {
        let registry = MemoryRegistry()
        try await registry.register(
            ServiceRecord(name: "greeter", version: "2", nodes: two), timeToLive: nil)
        let client = MicroClient(
            registry: registry, transports: [transport], selector: selector, plugins: testPlugins,
            configuration: .test(environment))
        return try await withMicroClient(client, body)
    }

    @Test("of the engine keep the promises")
    func conformance() async throws {
        try await SelectorConformance { RandomSelector() }.run()
        try await SelectorConformance { RoundRobinSelector() }.run()
    }

    @Test("round robin takes turns, and random reaches all")
    func turns() throws {
        let candidates = Candidates((0..<4).map { Candidate(Node(id: "\($0)", address: "")) })
        let context = SelectionContext(service: "a", endpoint: "A.B")
        let robin = RoundRobinSelector()
        let turns = (0..<8).map { _ in robin.choose(from: candidates, for: context) ?? -1 }
        #expect(turns[0..<4].sorted() == [0, 1, 2, 3] && turns[0..<4] == turns[4..<8])
        let random = RandomSelector()
        var counts = [0, 0, 0, 0]
        for _ in 0..<4000 { counts[try #require(random.choose(from: candidates, for: context))] += 1 }
        #expect(counts.allSatisfy { $0 > 500 })
    }

    @Test("learn what is called, with what metadata, and which version of the service the nodes run")
    func context() async throws {
        let seen = Mutex<[String]>([])
        let selector = ClosureSelector { candidates, call in
            let text = "\(call.service) \(call.endpoint) \(call.metadata["user"] ?? "") \(call.attempt)"
            seen.withLock { $0.append("\(text) \(candidates.map(\.version)) \(call.deadline != nil)") }
            return 0
        }
        try await withClient(ScriptedTransport(), selector) { client in
            _ = try await client.hello(options: .metadata(["user": "7"]))
        }
        #expect(seen.withLock(\.self) == [#"greeter Greeter.Hello 7 1 ["2", "2"] true"#])
    }

    @Test("see the calls in flight of each node, and each end exactly once")
    func inFlight() async throws {
        let gate = Gate()
        let transport = ScriptedTransport(beforeConnect: { _ in await gate.wait() })
        let candidates = Mutex<Candidates?>(nil)
        let selector = RecordingSelector { offered in candidates.withLock { $0 = offered } }
        try await withClient(transport, selector) { client in
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<20 { group.addTask { try await client.hello() } }
                try await eventually("all calls in flight") {
                    candidates.withLock { $0?.first?.callsInFlight } == 20
                }
                gate.open()
                try await group.waitForAll()
            }
        }
        #expect(candidates.withLock { $0?.map(\.callsInFlight) } == [0, 0])
        #expect(selector.journal.lines.filter { $0 == "a ok" }.count == 20)
        #expect(selector.journal.lines.count == 40)
    }

    @Test("learn of an attempt that was cancelled, and of one that could not connect")
    func failures() async throws {
        let transport = ScriptedTransport(beforeConnect: { node in
            if node.id == "a" { throw MicroError(.unavailable, "refused", processed: .no) }
            try await Task.sleep(for: .seconds(1_000_000))
        })
        let selector = RecordingSelector()
        try await withClient(transport, selector) { client in
            let call = Task { try await client.hello() }
            try await eventually("the second attempt") { transport.connects == 2 }
            call.cancel()
            await #expect(throws: MicroError.self) { try await call.value }
        }
        #expect(selector.journal.lines == ["choose 1 of a,b", "a failed", "choose 2 of b", "b failed"])
        #expect(selector.errors == [.unavailable, .cancelled])
    }

    @Test("are asked for no node where the caller gave an address")
    func addresses() async throws {
        let selector = RecordingSelector()
        try await withClient(ScriptedTransport(), selector) { client in
            _ = try await client.hello(options: .address("10.0.0.3:1"))
        }
        #expect(selector.journal.lines.isEmpty)
    }

    @Test("that have no node for a call end it")
    func none() async throws {
        for position in [nil, -1, 2] {
            try await withClient(ScriptedTransport(), ClosureSelector { _, _ in position }) { client in
                let error = try await #require(throws: MicroError.self) { try await client.hello() }
                #expect(error.detail == "service greeter: none available" && error.processed == .no)
            }
        }
    }

    @Test("see how long calls take")
    func latency() async throws {
        let seen = Mutex<[Duration?]>([])
        let selector = ClosureSelector(signals: .latency) { candidates, call in
            seen.withLock { $0.append(call.latency(of: candidates[0])) }
            return 0
        }
        try await withClient(ScriptedTransport(), selector) { client in
            for _ in 0..<3 { _ = try await client.hello() }
        }
        let latencies = seen.withLock(\.self)
        #expect(latencies.count == 3 && latencies[0] == nil)
        #expect(latencies[1...].allSatisfy { $0.map { $0 > .zero && $0 < .seconds(60) } == true })
    }

    @Test("learn the end of a stream when it ends, and with its error")
    func streams() async throws {
        let selector = RecordingSelector()
        let registry = MemoryRegistry()
        let service = MicroService(
            "clock", registry: registry, selector: selector, plugins: testPlugins, configuration: .test()
        ) {
            Endpoint("Clock.Ticks") { (request: Number, ticks: MessageWriter<Number>, context) in
                for value in 0..<request.value { try await ticks.write(Number(value: value)) }
                if request.value > 2 { throw MicroError(.dataLoss, "no more") }
            }
        }
        try await service.withRunning { running in
            try await running.client.stream(
                "clock", "Clock.Ticks", Number(value: 2), returning: Number.self
            ) { ticks in
                #expect(selector.journal.lines.count == 1)
                for try await _ in ticks {}
            }
            #expect(selector.journal.lines.count == 2 && selector.errors == [nil])
            await #expect(throws: MicroError.self) {
                try await running.client.stream(
                    "clock", "Clock.Ticks", Number(value: 3), returning: Number.self
                ) { ticks in for try await _ in ticks {} }
            }
            struct Enough: Error {}
            await #expect(throws: Enough.self) {
                try await running.client.stream(
                    "clock", "Clock.Ticks", Number(value: 1), returning: Number.self
                ) { _ in throw Enough() }
            }
        }
        #expect(selector.errors == [nil, .dataLoss, .cancelled])
    }
}

/// Picks what a closure says.
struct ClosureSelector: Selector {
    var signals: SelectionSignals = []
    let body: @Sendable (Candidates, SelectionContext) -> Int?

    func choose(from candidates: Candidates, for call: SelectionContext) -> Int? { body(candidates, call) }
}

/// Picks the first node, and records what it is asked and notified of.
final class RecordingSelector: Selector {
    let signals: SelectionSignals = [.callsInFlight, .outcomes]
    let journal = Journal()
    private let onChoice: @Sendable (Candidates) -> Void
    private let outcomes = Mutex<[RPCStatus?]>([])

    init(onChoice: @escaping @Sendable (Candidates) -> Void = { _ in }) { self.onChoice = onChoice }

    /// The status of each attempt, `nil` for a success.
    var errors: [RPCStatus?] { outcomes.withLock(\.self) }

    func choose(from candidates: Candidates, for call: SelectionContext) -> Int? {
        onChoice(candidates)
        journal.add("choose \(call.attempt) of \(candidates.map(\.node.id).joined(separator: ","))")
        return 0
    }

    func attemptEnded(_ attempt: AttemptResult) {
        outcomes.withLock { $0.append(attempt.error?.status) }
        journal.add("\(attempt.candidate.node.id) \(attempt.error == nil ? "ok" : "failed")")
    }
}
