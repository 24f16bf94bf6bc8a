import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTesting
import Synchronization
import Testing

@testable import Micro

/// What callers see of nodes that are connected and answer badly.
@Suite("Nodes that answer badly", .timeLimit(.minutes(2)))
struct EjectionTests {
    private let nodes = ["a", "b", "c", "d", "e"].map { Node(id: $0, address: "10.0.0.1:1\($0.utf8.count)") }

    private func withClient(
        _ backend: Backend, selector: any Selector = RoundRobinSelector(), time: TimeSource = .continuous,
        _ environment: [String: String] = [:], _ body: (MicroClient) async throws -> Void
    ) async throws {
        let registry = MemoryRegistry()
        try await registry.register(ServiceRecord(name: "greeter", nodes: nodes), timeToLive: nil)
        let client = MicroClient(
            registry: registry, transports: [backend.transport], selector: selector, plugins: testPlugins,
            configuration: .test(environment))
        try await withMicroClient(client.onTestClock(time), body)
    }

    private func answers(_ client: MicroClient, _ count: Int) async -> [String: Int] {
        var answers: [String: Int] = [:]
        for _ in 0..<count {
            let answer = (try? await client.hello(options: CallOptions(retry: .never))) ?? "failed"
            answers[answer, default: 0] += 1
        }
        return answers
    }

    @Test(
        "get no calls after five failures in a row, with any selector",
        arguments: ["random", "roundrobin", "leastloaded", "weighted", "sticky"],
        [RPCStatus.unavailable, .deadlineExceeded, .internal, .unknown])
    func ejected(_ name: String, _ status: RPCStatus) async throws {
        let backend = Backend(failing: ["c": MicroError(status, "broken")])
        let plugin = try testPlugins.withEngineSelectors.choose(.selector, name: name)
        let selector = try plugin.make(as: .selector, context: .testing(role: "selector"))
        try await withClient(backend, selector: selector) { (client: MicroClient) async throws in
            let answers = await answers(client, 400)
            #expect(answers["failed", default: 0] <= 5 && backend.calls("c") <= 5)
        }
    }

    @Test(
        "get calls further if the error is the service's own, or ejection is off",
        arguments: [
            (MicroError(.notFound, "none"), "10"), (MicroError(.internal, "no", id: "greeter"), "10"),
            (MicroError(.resourceExhausted, "busy"), "10"), (MicroError(.unavailable, "broken"), "0"),
        ])
    func notEjected(_ error: MicroError, _ share: String) async throws {
        let backend = Backend(failing: ["c": error])
        try await withClient(backend, time: .continuous, ["MICRO_CLIENT_OUTLIER_SHARE": share]) {
            (client: MicroClient) async throws in
            _ = await answers(client, 100)
            #expect(backend.calls("c") == 20)
        }
    }

    @Test("come back when their health service says that they serve, and not before")
    func comeBack() async throws {
        let clock = ManualClock()
        let backend = Backend(failing: ["c": MicroError(.unavailable, "broken")])
        backend.health = .failure(MicroError(.unavailable, "still broken"))
        try await withClient(backend, time: TimeSource(clock)) { (client: MicroClient) async throws in
            _ = await answers(client, 100)
            #expect(backend.calls("c") == 5 && backend.checks == 0)
            clock.advance(by: .seconds(20))
            _ = await answers(client, 100)
            #expect(backend.checks == 0)
            clock.advance(by: .seconds(15))
            try await eventually("a probe") {
                _ = await answers(client, 5)
                return backend.checks == 1
            }
            backend.repair("c")
            // The probe has found the node unwell, which counts as another ejection, of a minute.
            clock.advance(by: .seconds(30))
            _ = await answers(client, 100)
            #expect(backend.checks == 1 && backend.calls("c") == 5)
            backend.health = .success("")
            clock.advance(by: .seconds(40))
            try await eventually("the node is called again") { await answers(client, 5)["c"] != nil }
            #expect(backend.checks == 2)
            #expect(await answers(client, 100)["c"] == 20)
        }
    }

    @Test("come back without a health service, and are ejected for longer if they are no better")
    func again() async throws {
        let clock = ManualClock()
        let backend = Backend(failing: ["c": MicroError(.unavailable, "broken")])
        backend.health = .failure(MicroError(.unimplemented, "no such service"))
        try await withClient(backend, time: TimeSource(clock)) { (client: MicroClient) async throws in
            _ = await answers(client, 100)
            clock.advance(by: .seconds(35))
            try await eventually("five more failures") {
                _ = await answers(client, 5)
                return backend.calls("c") == 10
            }
            clock.advance(by: .seconds(45))
            _ = await answers(client, 100)
            #expect(backend.calls("c") == 10 && backend.checks == 1)
        }
    }

    @Test("are not chosen again for a retry, and cost no call that may be made again")
    func retried() async throws {
        let backend = Backend(failing: ["c": MicroError(.unavailable, "broken")])
        try await withClient(backend) { (client: MicroClient) async throws in
            for _ in 0..<100 {
                let answer = try await client.hello(options: CallOptions(retry: .idempotent, retries: 1))
                #expect(answer != "c")
            }
            #expect(backend.calls("c") == 5)
        }
    }

    @Test("are left alone when all do: what ails the service is no node's fault")
    func allFailing() async throws {
        let error = MicroError(.unavailable, "the database is down")
        let backend = Backend(failing: ["a": error, "b": error, "c": error, "d": error, "e": error])
        try await withClient(backend) { (client: MicroClient) async throws in
            _ = await answers(client, 400)
            let counts = ["a", "b", "c", "d", "e"].map(backend.calls)
            #expect(counts.count { $0 == 5 } <= 1 && counts.count { $0 >= 79 } >= 4, "\(counts)")
        }
    }

    @Test("health is told by the one byte that says SERVING")
    func health() async {
        func passes(_ answer: Result<[UInt8], MicroError>) async -> Bool {
            await HealthCheck.passes(HealthConnection(answer: answer), deadline: .now + .seconds(5))
        }
        #expect(await passes(.success([8, 1])))
        for bytes: [UInt8] in [[], [8], [8, 0], [8, 2], [8, 3], [8, 1, 1], [255, 255, 255, 255, 255]] {
            #expect(await !passes(.success(bytes)))
        }
        #expect(await passes(.failure(MicroError(.unimplemented, ""))))
        #expect(await !passes(.failure(MicroError(.deadlineExceeded, ""))))
    }

    private struct HealthConnection: Connection {
        let answer: Result<[UInt8], MicroError>
        var isUsable: Bool { true }
        var activeCalls: Int { 0 }

        func unary(_ head: CallHead, _ message: EncodedMessage) async throws(MicroError) -> UnaryReply {
            UnaryReply(EncodedMessage(try answer.get()))
        }

        func open(_ head: CallHead) async throws(MicroError) -> any ClientCallStream {
            throw MicroError(.unimplemented, "no streams here")
        }

        func close(deadline: ContinuousClock.Instant) async {}
    }
}

/// Nodes of which some answer with errors.
private final class Backend: Sendable {
    private struct State {
        var failing: [String: MicroError]
        var calls: [String: Int] = [:]
        var checks = 0
        var health = Result<String, MicroError>.success("")
    }

    private let state: Mutex<State>

    init(failing: [String: MicroError]) { state = Mutex(State(failing: failing)) }

    var health: Result<String, MicroError> {
        get { state.withLock(\.health) }
        set { state.withLock { $0.health = newValue } }
    }

    var checks: Int { state.withLock(\.checks) }

    var transport: ScriptedTransport {
        ScriptedTransport { node, head, _ throws(MicroError) in
            let result = self.state.withLock { state -> Result<String, MicroError> in
                if head.path == "/grpc.health.v1.Health/Check" {
                    state.checks += 1
                    // The script's answers are JSON, so that a node is well is told by having no health service.
                    if case .success = state.health { return .failure(MicroError(.unimplemented, "")) }
                    return state.health
                }
                state.calls[node.id, default: 0] += 1
                return state.failing[node.id].map { .failure($0) } ?? .success(node.id)
            }
            return try result.get()
        }
    }

    func repair(_ id: String) { state.withLock { $0.failing[id] = nil } }

    func calls(_ id: String) -> Int { state.withLock { $0.calls[id] ?? 0 } }
}
