import MicroCore
import MicroInterfaces
import MicroPluginKit
import MicroRegistryMemory
import MicroTesting
import MicroTransportMemory
import Testing

@testable import Micro

@Suite("The address in the registry", .timeLimit(.minutes(2)))
struct RegistrationTests {
    /// Runs a registration whose address is what a test says, while a closure does.
    private func run(
        interval: Duration?, time: TimeSource = .continuous,
        _ body: (MemoryRegistry, Shared<String>, NetworkMonitor) async throws -> Void
    ) async throws {
        let address = Shared("192.168.77.1:90")
        let (registry, monitor) = (MemoryRegistry(), NetworkMonitor())
        let registration = Registration(registry: registry, timeToLive: nil, monitor: monitor, time: time) {
            ServiceRecord(name: "greeter", version: "1", nodes: [Node(id: "a", address: address.value)])
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            let first = try await registration.begin()
            group.addTask { await registration.renew(first, every: interval) }
            try await body(registry, address, monitor)
            group.cancelAll()
        }
        #expect(await registration.end(within: .seconds(5)))
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
        let clock = ManualClock()
        try await run(interval: .seconds(30), time: TimeSource(clock)) { registry, address, monitor in
            await clock.waitForSleepers(1)
            address.value = "192.168.77.9:90"
            clock.advance(by: .seconds(30))
            try await waitForAddress("192.168.77.9:90", in: registry)
        }
    }

    @Test("that can't be held ends the start, and is tried once")
    func refusal() async throws {
        let registry = RefusingRegistry(.invalidArgument)
        let registration = Registration(registry: registry, timeToLive: nil) { Self.record }
        let error = await #expect(throws: StartError.self) { try await registration.begin() }
        #expect(error?.message.contains("a..b") == true && error?.message.contains("too odd") == true)
        #expect(registry.attempts.value == 1)
        // A whole service does not start.
        let service = MicroService(
            "greeter", registry: RefusingRegistry(.invalidArgument), transport: MemoryTransport(),
            plugins: testPlugins
        ) {}
        await #expect(throws: StartError.self) { try await service.run() }
    }

    @Test("that fails otherwise is tried again")
    func failure() async throws {
        let registry = RefusingRegistry(.unavailable)
        let registration = Registration(registry: registry, timeToLive: nil) { Self.record }
        #expect(try await registration.begin() == Self.record)
        #expect(registry.attempts.value == 3)
    }

    private static let record = ServiceRecord(name: "a..b", nodes: [Node(id: "a", address: "")])
}

/// A registry that holds nothing.
private struct RefusingRegistry: Registry {
    let name = "refusing"
    let status: RPCStatus
    let attempts = Shared(0)

    init(_ status: RPCStatus) { self.status = status }

    func register(_ record: ServiceRecord, timeToLive: Duration?) async throws {
        attempts.value += 1
        throw MicroError(status, "The name is too odd.")
    }

    func deregister(_ record: ServiceRecord) async throws {}
    func lookup(_ service: String) async throws -> [ServiceRecord] { [] }
    func services() async throws -> [String] { [] }
    func watch(_ service: String?) -> RegistryChanges { RegistryDirectory(isSynced: true).watch(service) }
}
