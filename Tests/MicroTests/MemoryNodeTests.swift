import Micro
import MicroCore
import MicroRegistryMemory
import MicroTransportMemory
import Testing

/// Names in a registry: listeners of this process for nodes of the memory transport, and for no others.
@Suite("Nodes at memory: addresses", .timeLimit(.minutes(2)))
struct MemoryNodeTests {
    private static let metadata = ["protocol": "memory", "transport": "memory"]

    /// Runs a test with a service that listens in this process, and isn't in the client's registry.
    private func withListener(_ body: (_ address: ListenAddress) async throws -> Void) async throws {
        let service = makeService { hello }
        try await service.withRunning { try await body($0.address) }
    }

    private func withClient<Result: Sendable>(
        of node: Node, _ transports: [any Transport], _ body: (MicroClient) async throws -> Result
    ) async throws -> Result {
        let registry = MemoryRegistry()
        try await registry.register(ServiceRecord(name: "greeter", nodes: [node]), timeToLive: nil)
        let client = MicroClient(
            registry: registry, transports: transports, plugins: testPlugins, configuration: .test())
        return try await withMicroClient(client, body)
    }

    @Test("a node of the memory transport is called within the process")
    func ofTheMemoryTransport() async throws {
        try await withListener { address in
            let node = Node(id: "a", address: address.nodeAddress, metadata: Self.metadata)
            let network = ScriptedTransport()
            let reply = try await withClient(of: node, [network, MemoryTransport()]) { try await $0.hello() }
            #expect(reply == "Hello, world!")
            #expect(network.connects == 0)
        }
    }

    /// Anyone who can write to the registry would lead calls into the process otherwise.
    @Test("a node of another transport never is, even where somebody listens at its address")
    func ofAnotherTransport() async throws {
        try await withListener { address in
            let node = Node(id: "a", address: "\(address)")
            let network = ScriptedTransport()
            let error = try await withClient(of: node, [MemoryTransport(), network]) { client in
                try await #require(throws: MicroError.self) { try await client.hello() }
            }
            #expect(error.status == .unavailable)
            #expect(error.detail.contains("host:port"))
            #expect(network.connects == 0)
        }
    }

    @Test("a node that has left fails the call, which was not processed")
    func ofNobody() async throws {
        var address = ""
        try await withListener { address = $0.nodeAddress }
        let node = Node(id: "a", address: address, metadata: Self.metadata)
        let error = try await withClient(of: node, [MemoryTransport()]) { client in
            try await #require(throws: MicroError.self) { try await client.hello() }
        }
        #expect(error.status == .unavailable)
        #expect(error.processed == .no)
        #expect(error.detail.contains("\(address) in this process"))
    }
}
