import Micro
import MicroCore
import MicroPluginKit
import MicroRegistryMemory
import MicroTestSupport
import Synchronization
import Testing

@Suite("The client: finding, connecting, retrying", .timeLimit(.minutes(2)))
struct ClientTests {
    private func withClient<Result: Sendable>(
        _ transport: ScriptedTransport, nodes: [Node] = [], registry: (any Registry)? = nil,
        selector: (any Selector)? = nil, _ environment: [String: String] = [:],
        _ body: (MicroClient) async throws -> Result
    ) async throws -> Result {
        let memory = MemoryRegistry()
        if !nodes.isEmpty {
            try await memory.register(ServiceRecord(name: "greeter", nodes: nodes), timeToLive: nil)
        }
        let client = MicroClient(
            registry: registry ?? memory, transports: [transport], selector: selector, plugins: testPlugins,
            configuration: .test(environment))
        return try await withMicroClient(client, body)
    }

    private let two = [Node(id: "a", address: "10.0.0.1:1"), Node(id: "b", address: "10.0.0.2:1")]

    @Test("a service that nobody has is not found, in go-micro's words")
    func notFound() async throws {
        let error = try await withClient(ScriptedTransport()) { client in
            try await #require(throws: MicroError.self) { try await client.hello() }
        }
        #expect(error.id == "go.micro.client" && error.httpCode == 500 && error.processed == .no)
        #expect(error.status == .unavailable)
        #expect(error.detail == "service greeter: not found")
    }

    @Test("nodes that no transport speaks to are passed over, and the error names the product")
    func unspoken() async throws {
        let mucp = Node(id: "m", address: "10.0.0.1:1", metadata: ["protocol": "mucp", "transport": "http"])
        let reply = try await withClient(ScriptedTransport(), nodes: [mucp, two[0]]) { client in
            try await client.hello()
        }
        #expect(reply == "a")
        let error = try await withClient(ScriptedTransport(), nodes: [mucp]) { client in
            try await #require(throws: MicroError.self) { try await client.hello() }
        }
        #expect(error.detail.contains("\"mucp\" over \"http\"") && error.detail.contains("Package.swift"))
    }

    @Test("one connection is opened for many calls at once")
    func singleFlight() async throws {
        let gate = Gate()
        let transport = ScriptedTransport(beforeConnect: { _ in await gate.wait() })
        try await withClient(transport, nodes: [two[0]]) { client in
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<20 { group.addTask { try await client.hello() } }
                try await eventually("a connection") { transport.connects > 0 }
                gate.open()
                for try await reply in group { #expect(reply == "a") }
            }
        }
        #expect(transport.connects == 1)
        #expect(transport.closes == 1)
    }

    @Test("a caller who gives up while connecting does not fail the others")
    func diallerGivesUp() async throws {
        let first = Gate()
        let transport = ScriptedTransport(beforeConnect: { _ in
            first.open()
            try await Task.sleep(for: .milliseconds(200))
        })
        try await withClient(transport, nodes: [two[0]]) { client in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                let impatient = Task { try await client.hello() }
                await first.wait()
                group.addTask { try await client.hello() == "a" }
                impatient.cancel()
                let isServed = try await group.next()
                #expect(isServed == true)
                await #expect(throws: MicroError.self) { try await impatient.value }
            }
        }
    }

    @Test("a connection that is lost is replaced")
    func replaced() async throws {
        let transport = ScriptedTransport()
        try await withClient(transport, nodes: [two[0]]) { client in
            _ = try await client.hello()
            transport.breakAll()
            #expect(try await client.hello() == "a")
        }
        #expect(transport.connects == 2)
        #expect(transport.closes == 2)
    }

    @Test("a connection that nobody uses is closed")
    func idle() async throws {
        let transport = ScriptedTransport()
        try await withClient(transport, nodes: [two[0]], ["MICRO_CLIENT_POOL_TTL": "20ms"]) { client in
            _ = try await client.hello()
            while transport.closes == 0 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(try await client.hello() == "a")
        }
        #expect(transport.connects == 2)
    }

    @Test("the pool is bounded: unused connections make room")
    func bounded() async throws {
        let transport = ScriptedTransport()
        try await withClient(
            transport, nodes: two, selector: .roundRobin, ["MICRO_CLIENT_POOL_SIZE": "1"]
        ) { client in
            for _ in 0..<4 { _ = try await client.hello() }
        }
        #expect(transport.connects == 4)
        #expect(transport.closes == 4)
    }

    @Test("a call that was surely not processed is made again, on another node")
    func retried() async throws {
        let transport = ScriptedTransport { node, _, number throws(MicroError) in
            if number == 1 { throw MicroError(.unavailable, "refused by \(node.id)", processed: .no) }
            return node.id
        }
        let first = RecordingSelector()
        let reply = try await withClient(transport, nodes: two, selector: first) { try await $0.hello() }
        #expect(reply == "b")
        #expect(first.journal.lines == ["choose 1 of a,b", "a failed", "choose 2 of b", "b ok"])
    }

    @Test("a node that can't be reached counts as not processed")
    func unreachable() async throws {
        let transport = ScriptedTransport(beforeConnect: { node in
            if node.id == "a" { throw MicroError(.unavailable, "refused", processed: .no) }
        })
        let reply = try await withClient(transport, nodes: two, selector: RecordingSelector()) {
            try await $0.hello()
        }
        #expect(reply == "b")
    }

    @Test("a call that may have been processed is not made again, unless it may have its effect twice")
    func maybeProcessed() async throws {
        let script: ScriptedTransport.Script = { node, _, number throws(MicroError) in
            if number % 2 == 1 { throw MicroError(.unavailable, "lost") }
            return node.id
        }
        let careful = ScriptedTransport(script)
        await #expect(throws: MicroError.self) {
            try await withClient(careful, nodes: two) { try await $0.hello() }
        }
        #expect(careful.calls == 1)
        let idempotent = ScriptedTransport(script)
        _ = try await withClient(idempotent, nodes: two) {
            try await $0.hello(options: CallOptions(retry: .idempotent))
        }
        #expect(idempotent.calls == 2)
    }

    @Test("go-micro's rule repeats what has code 408 or 500")
    func goMicroRule() async throws {
        let transport = ScriptedTransport { _, _, _ throws(MicroError) in
            throw MicroError(id: "greeter", httpCode: 500, detail: "boom")
        }
        for (retry, calls) in [(RetryPolicy.unprocessed, 1), (.idempotent, 2), (.goMicro, 4)] {
            _ = try? await withClient(transport, nodes: two) {
                try await $0.hello(options: CallOptions(retry: retry))
            }
            #expect(transport.calls == calls)
        }
    }

    @Test("the number of retries is bounded by variable and option")
    func retryCount() async throws {
        let transport = ScriptedTransport { _, _, _ throws(MicroError) in
            throw MicroError(.unavailable, "refused", processed: .no)
        }
        _ = try? await withClient(transport, nodes: [two[0]], ["MICRO_CLIENT_RETRIES": "2"]) {
            try await $0.hello()
        }
        #expect(transport.calls == 3)
        _ = try? await withClient(transport, nodes: [two[0]]) {
            try await $0.hello(options: CallOptions(retries: 0))
        }
        #expect(transport.calls == 4)
    }

    @Test("nodes that are known are served while the registry errs, and corrected afterwards")
    func staleCache() async throws {
        let registry = FailingRegistry()
        try await withClient(ScriptedTransport(), registry: registry) { client in
            registry.up(two[0])
            #expect(try await client.hello() == "a")
            registry.fail()
            #expect(try await client.hello() == "a")
            registry.recover(with: two[1])
            while try await client.hello() != "b" { try await Task.sleep(for: .milliseconds(10)) }
        }
    }

    @Test("a registry that can't be reached at first is told at once, without a retry of the call")
    func registryAway() async throws {
        let registry = FailingRegistry()
        registry.fail()
        let error = try await withClient(ScriptedTransport(), registry: registry) { client in
            try await #require(throws: MicroError.self) { try await client.hello() }
        }
        #expect(error.status == .unavailable && error.processed == .no)
        #expect(error.detail.contains("The directory is away"))
    }

    @Test("a registry that does not answer is waited for until the deadline")
    func registrySilent() async throws {
        let registry = FailingRegistry(isSynced: false)
        let error = try await withClient(ScriptedTransport(), registry: registry) { client in
            try await #require(throws: MicroError.self) {
                try await client.hello(options: .timeout(.milliseconds(50)))
            }
        }
        #expect(error.httpCode == 408 && error.status == .deadlineExceeded)
    }

    @Test("nodes that come and go are followed")
    func followed() async throws {
        let registry = MemoryRegistry()
        try await withClient(ScriptedTransport(), registry: registry) { client in
            let record = ServiceRecord(name: "greeter", nodes: [two[0]])
            try await registry.register(record, timeToLive: nil)
            #expect(try await client.hello() == "a")
            await registry.deregister(record)
            try await eventually("no node answers") { (try? await client.hello()) == nil }
            try await registry.register(
                ServiceRecord(name: "greeter", version: "2", nodes: [two[1]]), timeToLive: nil)
            try await eventually("b answers") { (try? await client.hello()) == "b" }
        }
    }

    @Test("an address in the options goes before the registry")
    func address() async throws {
        try await withClient(ScriptedTransport(), nodes: two) { client in
            #expect(try await client.hello(options: .address("10.9.9.9:80")) == "10.9.9.9:80")
            for wrong in ["nohost", ":80", "a:b:c:d", "x:99999", ""] {
                let error = try await #require(throws: MicroError.self) {
                    try await client.hello(options: .address(wrong))
                }
                #expect(error.httpCode == 400 && error.detail.contains("host:port"))
            }
        }
    }

    @Test(
        "MICRO_PROXY and MICRO_NETWORK redirect, with the service in the path, which go-micro's proxy reads",
        arguments: [
            (["MICRO_PROXY": "10.1.1.1:9"], "10.1.1.1:9"),
            (["MICRO_PROXY": "service"], "proxy"),
            (["MICRO_NETWORK": "service"], "network"),
            (["MICRO_NETWORK_ADDRESS": "10.1.1.1:9"], "10.1.1.1:9"),
        ])
    func redirection(_ environment: [String: String], _ target: String) async throws {
        let registry = MemoryRegistry()
        for name in ["proxy", "network"] {
            try await registry.register(
                ServiceRecord(name: "go.micro.\(name)", nodes: [Node(id: name, address: "10.0.0.1:1")]),
                timeToLive: nil)
        }
        let transport = ScriptedTransport { node, head, _ throws(MicroError) in "\(node.id) \(head.path)" }
        let reply = try await withClient(transport, registry: registry, environment) { try await $0.hello() }
        #expect(reply == "\(target) /greeter.Greeter/Hello")
        // As generated code calls, with a Protobuf package in the path.
        try await withClient(transport, registry: registry, environment) { client in
            let method = RPCMethod<HelloRequest, HelloReply>("go.micro.srv.greeter", "/pb.Greeter/Hello")
            let request = HelloRequest(name: "x")
            let redirected = try await client.call(method, request).message
            #expect(redirected == "\(target) /go.micro.srv.greeter.Greeter/Hello")
            let raw = try await client.callRaw(
                "go.micro.srv.greeter", "/pb.Greeter/Hello", message: EncodedMessage("{\"name\":\"x\"}".utf8),
                contentSubtype: "json")
            #expect(
                raw.message.withBytes { String(decoding: $0.withUnsafeBytes(Array.init), as: UTF8.self) }
                    .contains("/go.micro.srv.greeter.Greeter/Hello"))
            // An address that the caller gives is no proxy.
            let direct = try await client.call(method, request, options: .address("10.2.2.2:2")).message
            #expect(direct == "10.2.2.2:2 /pb.Greeter/Hello")
        }
    }

    @Test("metadata names the service that calls, and nothing else is forwarded")
    func fromService() async throws {
        let transport = ScriptedTransport { _, head, _ throws(MicroError) in
            head.metadata.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
        }
        let client = MicroClient(
            name: "web", registry: MemoryRegistry(), transports: [transport], plugins: testPlugins,
            configuration: .test())
        try await withMicroClient(client) { client in
            #expect(try await client.hello(options: .address("h:1")) == "micro-from-service=web")
            let both = try await client.hello(options: CallOptions(metadata: ["a": "b"], address: "h:1"))
            #expect(both == "a=b micro-from-service=web")
        }
    }

    @Test("a client that does not run says so; one that can't run says why")
    func notRunning() async throws {
        let idle = MicroClient(plugins: testPlugins, configuration: .test())
        let error = try await #require(throws: MicroError.self) {
            try await idle.bounded(.milliseconds(20)).hello()
        }
        #expect(error.detail.contains("run()") && error.processed == .no)
        #expect(error.status == .deadlineExceeded && error.httpCode == 408)
        let broken = MicroClient(plugins: testPlugins, configuration: .test(["MICRO_REGISTRY": "consul"]))
        let reason = try await #require(throws: StartError.self) {
            try await withMicroClient(broken) { try await $0.hello() }
        }
        #expect(reason.message.contains("consul"))
    }

    @Test("a timeout that is longer than any clock is no trap")
    func endlessTimeout() async throws {
        let reply = try await withClient(ScriptedTransport(), nodes: two) { client in
            try await client.hello(options: .timeout(.seconds(Int64.max)))
        }
        #expect(reply == "a" || reply == "b")
    }
}

extension MicroClient {
    /// Makes the wait for a client that does not run short.
    fileprivate func bounded(_ timeout: Duration) -> PatientCaller {
        PatientCaller(client: self, timeout: timeout)
    }
}

private struct PatientCaller {
    let client: MicroClient
    let timeout: Duration

    func hello() async throws -> String { try await client.hello(options: .timeout(timeout)) }
}

/// A registry that a test can lose.
private final class FailingRegistry: Registry {
    private let directory: Mutex<RegistryDirectory>

    init(isSynced: Bool = true) { directory = Mutex(RegistryDirectory(isSynced: isSynced)) }

    var name: String { "failing" }
    func register(_ record: ServiceRecord, timeToLive: Duration?) async throws {}
    func deregister(_ record: ServiceRecord) async throws {}
    func lookup(_ service: String) async throws -> [ServiceRecord] { [] }
    func services() async throws -> [String] { [] }
    func watch(_ service: String?) -> RegistryChanges { directory.withLock(\.self).watch(service) }

    func up(_ node: Node) {
        directory.withLock(\.self).insert(ServiceRecord(name: "greeter", nodes: [node]))
    }

    func fail() {
        directory.withLock(\.self).fail(MicroError(.unavailable, "The directory is away."))
    }

    func recover(with node: Node) {
        directory.withLock { $0 = RegistryDirectory(isSynced: true) }
        up(node)
    }
}
