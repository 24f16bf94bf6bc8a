import InMemoryLogging
import Logging
import Micro
import MicroCodecJSON
import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTransportMemory
import Testing

@Suite("A service on several transports", .timeLimit(.minutes(2)))
struct ListenerTests {
    /// A service whose transports are chosen by variables.
    private func makeService(
        _ environment: [String: String], _ plugins: [Plugin] = [.ports()],
        registry: any Registry = MemoryRegistry(), address: String? = nil, arguments: [String] = []
    ) -> MicroService {
        MicroService(
            "greeter", address: address, registry: registry, plugins: testPlugins.adding(plugins),
            configuration: .test(environment, arguments: arguments)
        ) { hello }
    }

    private func refusal(_ environment: [String: String], _ plugins: [Plugin] = [.ports()]) async throws
        -> String
    {
        let error = try await #require(throws: StartError.self) {
            try await makeService(environment, plugins).withRunning { _ in }
        }
        return error.message
    }

    /// Calls a service by one of its protocols alone.
    private func call(_ registry: any Registry, by transport: any Transport) async throws -> String {
        let client = MicroClient(
            registry: registry, transports: [transport], plugins: [.jsonCodec], configuration: .test())
        return try await withMicroClient(client) { try await $0.hello() }
    }

    @Test("is registered with a node for each, and answers by each")
    func inCode() async throws {
        let registry = MemoryRegistry()
        let service = MicroService(
            "greeter", registry: registry, plugins: testPlugins, configuration: .test()
        ) {
            hello
        }
        .using(.transport, MemoryTransport()).using(.transport, PortTransport())
        try await service.withRunning { running in
            let nodes = try #require(await registry.lookup("greeter").first).nodes
            #expect(nodes.sorted { $0.id < $1.id } == running.record.nodes.sorted { $0.id < $1.id })
            #expect(Set(nodes.map(\.id)).count == 2 && nodes.allSatisfy { $0.id.hasPrefix("greeter-") })
            #expect(running.record.nodes[0].id == running.identity.nodeID)
            #expect(running.record.nodes.map { $0.metadata?["protocol"] } == ["memory", "ports"])
            #expect(running.record.nodes.map { $0.metadata?["transport"] } == ["memory", "ports"])
            #expect(running.record.nodes.map { $0.metadata?["server"] } == ["memory", "ports"])
            #expect(running.addresses.count == 2 && running.address == running.addresses[0])
            #expect(running.record.nodes[0].address == running.addresses[0].named?.name)
            #expect(try await call(registry, by: MemoryTransport()) == "Hello, world!")
            #expect(try await call(registry, by: PortTransport()) == "Hello, world!")
        }
        #expect(await registry.lookup("greeter").isEmpty)
    }

    @Test("which variables choose, in their order")
    func chosen() async throws {
        let plugins: [Plugin] = [
            .ports(), .ports("mucp", transport: "http"), .ports("mucp", transport: "nats"),
        ]
        func protocols(_ environment: [String: String]) async throws -> [String?] {
            try await makeService(environment, plugins).withRunning { running in
                running.record.nodes.map { node in
                    node.metadata.map { "\($0["protocol"] ?? "")/\($0["transport"] ?? "")" }
                }
            }
        }
        #expect(try await protocols(["MICRO_SERVER": "ports,memory"]) == ["ports/ports", "memory/memory"])
        #expect(try await protocols(["MICRO_SERVER": "memory, mucp"]) == ["memory/memory", "mucp/http"])
        #expect(
            try await protocols(["MICRO_SERVER": "memory,mucp", "MICRO_TRANSPORT": "nats"])
                == ["memory/memory", "mucp/nats"])
        #expect(
            try await protocols(["MICRO_SERVER": "mucp/nats,mucp/http"]) == ["mucp/nats", "mucp/http"])
        #expect(try await protocols(["MICRO_SERVER": "mucp"]) == ["mucp/http"])
        #expect(try await protocols([:]).count == 1)
    }

    @Test("listens at the addresses of the variables, and beside the first where there is none")
    func addresses() async throws {
        func addresses(
            _ environment: [String: String], arguments: [String] = [], _ plugins: [Plugin] = [.ports()]
        ) async throws -> [ListenAddress] {
            try await makeService(environment, plugins, arguments: arguments)
                .withRunning { $0.addresses }
        }
        let named = try await addresses([
            "MICRO_SERVER": "memory,ports", "MICRO_SERVER_ADDRESS": "inbox",
            "MICRO_SERVER_PORTS_ADDRESS": "10.0.0.1:8080",
        ])
        #expect(named == [.named("inbox", scheme: "memory"), .host("10.0.0.1", port: 8080)])
        // Who listens on the loopback alone does so by every transport.
        let beside = try await addresses(
            ["MICRO_SERVER": "ports,other"], arguments: ["--server_address=127.0.0.1:9090"],
            [.ports(), .ports("other")])
        #expect(beside.map { $0.hostPort?.host } == ["127.0.0.1", "127.0.0.1"])
        #expect(beside[0].hostPort?.port == 9090 && beside[1].hostPort?.port != 9090)
        let flags = try await addresses(
            ["MICRO_SERVER": "ports,memory", "MICRO_SERVER_ADDRESS": "127.0.0.1:7"],
            arguments: ["--server_ports_address=127.0.0.1:8", "--server-memory-address", "memory:box"])
        #expect(flags == [.host("127.0.0.1", port: 8), .named("box", scheme: "memory")])
    }

    @Test("advertises the host for each, and the port for the first; a name is no host")
    func advertised() async throws {
        let plugins: [Plugin] = [.ports(), .ports("other"), .ports("third")]
        let environment = [
            "MICRO_SERVER": "ports,other,third,memory", "MICRO_SERVER_ADDRESS": ":9191",
            "MICRO_SERVER_OTHER_ADDRESS": ":9192", "MICRO_SERVER_ADVERTISE": "[fd00::1]:80",
            "MICRO_SERVER_THIRD_ADVERTISE": "example.org:443", "MICRO_SERVER_MEMORY_ADDRESS": "box",
        ]
        let nodes = try await makeService(environment, plugins).withRunning { $0.record.nodes }
        #expect(nodes.map(\.address) == ["[fd00::1]:80", "[fd00::1]:9192", "example.org:443", "box"])
        #expect(
            try await refusal(["MICRO_SERVER": "memory,ports", "MICRO_SERVER_PORTS_ADVERTISE": "80"])
                .contains("MICRO_SERVER_PORTS_ADVERTISE is \"80\""))
    }

    @Test("has no address of the machine where it has a name")
    func names() async throws {
        let nodes = try await makeService(["MICRO_SERVER": "memory"]).withRunning { $0.record.nodes }
        #expect(nodes.count == 1 && !nodes[0].address.contains(":"))
    }

    @Test("has ids that are distinct, and those that were chosen where one was chosen")
    func ids() async throws {
        let environment = ["MICRO_SERVER": "memory,ports", "MICRO_SERVER_ID": "x7"]
        let nodes = try await makeService(environment).withRunning { $0.record.nodes }
        #expect(nodes.map(\.id) == ["greeter-x7", "greeter-x7-ports"])
        let twice = MicroService(
            "greeter", id: "y", registry: MemoryRegistry(), plugins: testPlugins, configuration: .test()
        ) {
            hello
        }
        .using(.transport, PortTransport()).using(.transport, PortTransport())
        #expect(
            try await twice.withRunning { $0.record.nodes.map(\.id) } == ["greeter-y", "greeter-y-ports2"])
    }

    @Test("does not start if one of them can't listen, and closes the others")
    func bindFailure() async throws {
        let journal = Journal()
        let registry = MemoryRegistry()
        let service = makeService(
            ["MICRO_SERVER": "ports,memory", "MICRO_SERVER_MEMORY_ADDRESS": "taken"],
            [.ports("ports", journal)],
            registry: registry)
        let other = try await MemoryTransport().listen(
            on: .named("taken", scheme: "memory"), handler: NobodyHandler())
        let error = try await #require(throws: StartError.self) { try await service.withRunning { _ in } }
        #expect(error.code == .address && error.message.contains("memory:taken"))
        let lines = journal.lines.map { $0.prefix { $0 != " " } }
        #expect(lines == ["listen", "shutdown", "closed"])
        #expect(await registry.lookup("greeter").isEmpty)
        await other.shutdown(deadline: .now)
    }

    @Test("stops on all of them at once, and lets the calls of each finish")
    func drain() async throws {
        let journal = Journal()
        let go = Gate()
        let service = MicroService(
            "greeter", address: "127.0.0.1:0", registry: MemoryRegistry(), plugins: testPlugins,
            configuration: .test()
        ) {
            Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                journal.add("called \(request.name)")
                await go.wait()
                return HelloReply(message: "late")
            }
        }
        .using(.transport, PortTransport("a", journal)).using(.transport, PortTransport("b", journal))
        let replies = try await withThrowingTaskGroup(of: String.self) { group in
            try await service.withRunning { running in
                let (client, addresses) = (running.client, running.addresses.map(\.description))
                for address in addresses {
                    group.addTask { try await client.hello(address, options: .address(address)) }
                }
                // Both are addresses of the client's default transport here, so each call goes to its own port.
                try await eventually("both calls run") {
                    addresses.allSatisfy { journal.lines.contains("called \($0)") }
                }
                group.addTask {
                    try await eventually("both shut down") {
                        journal.lines.filter { $0.hasPrefix("shutdown ") }.count == 2
                    }
                    go.open()
                    return "drained"
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(replies.sorted() == ["drained", "late", "late"])
        #expect(journal.lines.suffix(2).allSatisfy { $0.hasPrefix("closed ") })
    }

    @Test("that nobody has, or that is named twice, does not start")
    func refusals() async throws {
        let unknown = try await refusal(["MICRO_SERVER": "ports,mucp"])
        #expect(unknown.contains("MICRO_SERVER is \"ports,mucp\"") && unknown.contains("\"mucp\""))
        #expect(unknown.contains("Linked: memory, ports"))
        let twice = try await refusal(["MICRO_SERVER": "ports,ports/ports"])
        #expect(twice.contains("MICRO_SERVER is") && twice.contains("ports/ports once"))
        #expect(
            try await refusal(["MICRO_SERVER": "memory,ports", "MICRO_SERVER_PORTS_ADDRESS": "x:99999"])
                .contains("x:99999"))
        // Calls are made by one protocol only where none is given.
        #expect(
            try await refusal(["MICRO_CLIENT": "ports,memory"]).contains("MICRO_CLIENT is \"ports,memory\""))
    }

    @Test("is taken out again if the registry can't hold one of the nodes")
    func registryRefuses() async throws {
        let registry = PickyRegistry()
        let service = makeService(["MICRO_SERVER": "ports,memory"], registry: registry)
        let error = try await #require(throws: StartError.self) { try await service.withRunning { _ in } }
        #expect(error.code == .invalidConfiguration)
        #expect(await registry.base.lookup("greeter").isEmpty)
    }

    @Test("logs one line for each")
    func log() async throws {
        let handler = InMemoryLogHandler()
        let logger = Logger(label: "test") { _ in handler }
        try await withLogger(logger) { _ in
            try await makeService(["MICRO_SERVER": "ports,memory"]).withRunning { _ in }
        }
        let lines = handler.entries.filter { "\($0.message)" == "Listening for calls." }
        #expect(
            lines.map { $0.metadata["micro.transport"].map { "\($0)" } } == ["ports/ports", "memory/memory"])
        #expect(Set(lines.compactMap { $0.metadata["server.address"].map { "\($0)" } }).count == 2)
        #expect(Set(lines.compactMap { $0.metadata["micro.node.id"].map { "\($0)" } }).count == 2)
    }
}

/// Refuses every call.
private struct NobodyHandler: CallHandler {
    func accept(_ head: CallHead) -> CallDecision { .refuse(MicroError(.unimplemented, "nobody is here")) }
}

/// A registry that holds only nodes with a port, one after the other.
private struct PickyRegistry: Registry {
    let base = MemoryRegistry()
    let name = "picky"

    func register(_ record: ServiceRecord, timeToLive: Duration?) async throws {
        for node in record.nodes {
            guard HostPort.split(node.address)?.port != nil else {
                throw MicroError(.invalidArgument, "\(node.address) has no port")
            }
            var single = record
            single.nodes = [node]
            try await base.register(single, timeToLive: timeToLive)
        }
    }

    func deregister(_ record: ServiceRecord) async throws { await base.deregister(record) }
    func lookup(_ service: String) async throws -> [ServiceRecord] { await base.lookup(service) }
    func services() async throws -> [String] { await base.services() }
    func watch(_ service: String?) -> RegistryChanges { base.watch(service) }
}
