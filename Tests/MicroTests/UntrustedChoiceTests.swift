import Micro
import MicroCore
import MicroRegistryMemory
import Testing

@Suite("What a registry or a variable may choose", .timeLimit(.minutes(2)))
struct UntrustedChoiceTests {
    @Test(
        "a registry can't send a client where only its user may",
        arguments: [
            "unix:/run/docker.sock", "unix:80", "10.0.0.1", "10.0.0.1:0", ":80", "", "a:b:c", "memory",
        ])
    func registryAddresses(_ address: String) async throws {
        let bad = Node(id: "0", address: address)
        let transport = ScriptedTransport()
        let good = Node(id: "b", address: "10.0.0.2:1")
        let reply = try await withClient(transport, nodes: [bad, good]) { try await $0.hello() }
        #expect(reply == "b" && transport.connects == 1)
        let error = try await withClient(transport, nodes: [bad]) { client in
            try await #require(throws: MicroError.self) { try await client.hello() }
        }
        #expect(error.status == .unavailable && error.detail.contains("host:port"))
        #expect(transport.connects == 1)
    }

    @Test("a name of a transport that has names is no host and port, and can be called")
    func names() async throws {
        let transport = ScriptedTransport(usesNamedAddresses: true)
        let named = Node(id: "n", address: "_INBOX.7", metadata: ["protocol": "grpc", "transport": "grpc"])
        let reply = try await withClient(transport, nodes: [named]) { try await $0.hello() }
        #expect(reply == "n")
        for name in ["", "a b", "a\nb", String(repeating: "n", count: 256)] {
            let error = try await withClient(transport, nodes: [Node(id: "0", address: name)]) { client in
                try await #require(throws: MicroError.self) { try await client.hello() }
            }
            #expect(error.status == .unavailable && error.processed == .no)
        }
        #expect(transport.connects == 1)
    }

    @Test("an address with a name is called by the transport that it belongs to")
    func namedAddresses() async throws {
        let transport = ScriptedTransport(usesNamedAddresses: true)
        let reply = try await withClient(transport, nodes: [Node(id: "b", address: "x")]) { client in
            try await client.hello(options: .address("grpc:orders"))
        }
        #expect(reply == "grpc:orders" && transport.connects == 1)
        for address in ["other:orders", "grpc:", "grpc:a b", "orders"] {
            let error = try await withClient(transport, nodes: [Node(id: "b", address: "x")]) { client in
                try await #require(throws: MicroError.self) {
                    try await client.hello(options: .address(address))
                }
            }
            #expect(error.httpCode == 400 && error.detail.contains("host:port"))
        }
    }

    @Test(
        "a plugin that is chosen and isn't linked ends the start, for every role",
        arguments: ["MICRO_REGISTRY", "MICRO_BROKER", "MICRO_SELECTOR", "MICRO_CACHE"])
    func unknownPlugin(_ variable: String) async throws {
        let plugins = testPlugins.adding([
            Plugin(PluginRole<Int>("cache"), "redis") { _ in 1 }
        ])
        let environment = [variable: "natss"]
        let client = MicroClient(plugins: plugins, configuration: .test(environment))
        let reason = try await #require(throws: StartError.self) {
            try await withMicroClient(client) { _ in }
        }
        #expect(reason.code == .unknownPlugin && reason.message.contains("natss"))
        let service = MicroService("greeter", plugins: plugins, configuration: .test(environment)) { hello }
        let other = try await #require(throws: StartError.self) { try await service.withRunning { _ in } }
        #expect(other.message == reason.message && other.message.contains(variable))
    }

    private func withClient<Result: Sendable>(
        _ transport: ScriptedTransport, nodes: [Node], _ body: (MicroClient) async throws -> Result
    ) async throws -> Result {
        let registry = MemoryRegistry()
        try await registry.register(ServiceRecord(name: "greeter", nodes: nodes), timeToLive: nil)
        let client = MicroClient(
            registry: registry, transports: [transport], plugins: testPlugins, configuration: .test())
        return try await withMicroClient(client, body)
    }
}
