import EtcdTestSupport
import MicroCore
import MicroRegistryEtcd

extension StubEtcd {
    /// Runs a registry that uses one.
    static func run(
        _ script: Script, timeout: Duration = .seconds(1),
        clock: any Clock<Duration> = ContinuousClock(),
        _ body: @escaping @Sendable (EtcdRegistry, StubEtcd) async throws -> Void
    ) async throws {
        let stub = StubEtcd(script)
        try await stub.serve { address in
            let registry = EtcdRegistry(
                configuration: .init(addresses: [address], timeout: timeout), clock: clock)
            try registry.prepare(.empty)
            try await withRunning(registry) { try await body(registry, stub) }
        }
    }
}
