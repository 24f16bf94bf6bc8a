import MicroCore
import MicroNetwork
import MicroRegistryMemory
import Testing

@testable import Micro

@Suite("The address in the registry")
struct RegistrationTests {
    /// Runs a registration whose address is what a test says, while a closure does.
    private func run(
        interval: Duration?, _ body: (MemoryRegistry, Shared<String>, NetworkMonitor) async throws -> Void
    ) async throws {
        let address = Shared("192.168.77.1:90")
        let (registry, monitor) = (MemoryRegistry(), NetworkMonitor())
        let registration = Registration(registry: registry, timeToLive: nil, monitor: monitor) {
            ServiceRecord(name: "greeter", version: "1", nodes: [Node(id: "a", address: address.value)])
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            let first = await registration.begin()
            group.addTask { await registration.renew(first, every: interval) }
            try await body(registry, address, monitor)
            group.cancelAll()
        }
        #expect(await registration.end())
        #expect(await registry.lookup("greeter").isEmpty)
    }

    private func waitForAddress(_ address: String, in registry: MemoryRegistry) async throws {
        while await registry.lookup("greeter").flatMap(\.nodes).map(\.address) != [address] {
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test("follows the machine's when the network changes", .timeLimit(.minutes(1)))
    func change() async throws {
        try await run(interval: nil) { registry, address, monitor in
            try await waitForAddress("192.168.77.1:90", in: registry)
            for new in ["192.168.77.9:90", "192.168.77.1:90"] {
                address.value = new
                monitor.reportChange()
                try await waitForAddress(new, in: registry)
            }
        }
    }

    @Test("follows the machine's at each renewal", .timeLimit(.minutes(1)))
    func renewal() async throws {
        try await run(interval: .milliseconds(20)) { registry, address, monitor in
            address.value = "192.168.77.9:90"
            try await waitForAddress("192.168.77.9:90", in: registry)
        }
    }
}
