import Micro
import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTesting
import Synchronization
import Testing

@Suite("Nodes that can't be connected to", .timeLimit(.minutes(1)))
struct DeadNodeTests {
    private let nodes = ["a", "b", "c", "d"].map { Node(id: $0, address: "10.0.0.1:1\($0.utf8.count)") }

    @Test(
        "are passed over by every selector, without a failed call",
        arguments: ["random", "roundrobin", "first"])
    func passedOver(_ name: String) async throws {
        let switchboard = Switchboard(down: ["a", "b", "c"])
        let selector: any Selector =
            switch name {
            case "random": RandomSelector()
            case "roundrobin": RoundRobinSelector()
            default: FixedSelector()
            }
        try await withClient(switchboard.transport, selector: selector) { client in
            for _ in 0..<500 {
                try await expect(client, "d")
            }
        }
        // Each was tried once, and perhaps probed if this took longer than its back-off.
        #expect(["a", "b", "c"].allSatisfy { switchboard.attempts($0) <= 4 })
    }

    @Test("are probed beside the calls once their back-off has passed, and used again when they are back")
    func probed() async throws {
        let switchboard = Switchboard(down: ["a"])
        let clock = ManualClock()
        try await withClient(
            switchboard.transport, nodes: Array(nodes.prefix(2)), selector: FixedSelector(),
            time: TimeSource(clock)
        ) { client in
            try await expect(client, "b")
            for _ in 0..<200 { _ = try await client.hello() }
            #expect(switchboard.attempts("a") == 1)
            clock.advance(by: .seconds(5))
            try await eventually("a probe") {
                _ = try await client.hello()
                return switchboard.attempts("a") == 2
            }
            // The probe has failed, too: the next one comes later, however many calls there are.
            for _ in 0..<200 { _ = try await client.hello() }
            #expect(switchboard.attempts("a") == 2)
            switchboard.up("a")
            clock.advance(by: .seconds(60))
            try await eventually("a answers again") { try await client.hello() == "a" }
            #expect(switchboard.attempts("a") == 3)
        }
    }

    @Test("are tried when there is no other one, each before a retry counts")
    func noOther() async throws {
        let switchboard = Switchboard(down: ["a", "b", "c", "d"])
        try await withClient(switchboard.transport, selector: FixedSelector()) { client in
            let error = try await #require(throws: MicroError.self) {
                try await client.hello(options: CallOptions(retries: 0))
            }
            #expect(error.status == .unavailable && error.processed == .no)
            #expect(["a", "b", "c", "d"].allSatisfy { switchboard.attempts($0) == 1 })
            switchboard.up("c")
            try await expect(client, "c")
        }
    }

    @Test("cost no retry when they refuse the call, but no further attempt is made for a policy of none")
    func refused() async throws {
        let transport = ScriptedTransport { node, _, _ throws(MicroError) in
            if node.id != "d" { throw MicroError(.unavailable, "refused", processed: .no) }
            return node.id
        }
        try await withClient(transport, selector: FixedSelector()) { client in
            try await expect(client, "d")
            await #expect(throws: MicroError.self) {
                try await client.hello(options: CallOptions(retry: .never))
            }
        }
        #expect(transport.calls == 5)
    }

    @Test("are forgotten when they come back under another address")
    func moved() async throws {
        let registry = MemoryRegistry()
        let switchboard = Switchboard(down: ["a"])
        try await withClient(
            switchboard.transport, nodes: Array(nodes.prefix(2)), registry: registry,
            selector: FixedSelector()
        ) { client in
            try await expect(client, "b")
            switchboard.up("a")
            try await registry.register(
                ServiceRecord(name: "greeter", nodes: [Node(id: "a", address: "10.0.0.9:9")]), timeToLive: nil
            )
            try await eventually("a answers again") { try await client.hello() == "a" }
        }
    }

    /// Makes a call that has no retries, and checks which node answers.
    private func expect(_ client: MicroClient, _ node: String) async throws {
        let answerer = try await client.hello(options: CallOptions(retries: 0))
        #expect(answerer == node)
    }

    private func withClient(
        _ transport: ScriptedTransport, nodes: [Node]? = nil, registry: MemoryRegistry = MemoryRegistry(),
        selector: any Selector, time: TimeSource = .continuous, _ body: (MicroClient) async throws -> Void
    ) async throws {
        try await registry.register(
            ServiceRecord(name: "greeter", nodes: nodes ?? self.nodes), timeToLive: nil)
        let client = MicroClient(
            registry: registry, transports: [transport], selector: selector, plugins: testPlugins,
            configuration: .test())
        try await withMicroClient(client.onTestClock(time), body)
    }
}

/// Picks the first of what it is offered.
private struct FixedSelector: Selector {
    func choose(from candidates: Candidates, for call: SelectionContext) -> Int? { 0 }
}

/// Nodes of which some refuse connections.
private final class Switchboard: Sendable {
    private let state: Mutex<(down: Set<String>, attempts: [String: Int])>

    init(down: Set<String>) { state = Mutex((down, [:])) }

    var transport: ScriptedTransport {
        ScriptedTransport(beforeConnect: { node in
            let isDown = self.state.withLock { state in
                state.attempts[node.id, default: 0] += 1
                return state.down.contains(node.id)
            }
            if isDown { throw MicroError(.unavailable, "connection refused", processed: .no) }
        })
    }

    func up(_ id: String) { state.withLock { _ = $0.down.remove(id) } }

    func attempts(_ id: String) -> Int { state.withLock { $0.attempts[id] ?? 0 } }
}
