import EtcdTestSupport
import MicroCore
import MicroRegistryEtcd

extension StubEtcd {
    /// Runs a registry that uses one.
    static func run(
        _ script: Script, timeout: Duration = .seconds(1),
        _ body: @escaping @Sendable (EtcdRegistry, StubEtcd) async throws -> Void
    ) async throws {
        let stub = StubEtcd(script)
        try await stub.serve { address in
            let registry = EtcdRegistry(configuration: .init(addresses: [address], timeout: timeout))
            try registry.prepare(.empty)
            try await withRunning(registry) { try await body(registry, stub) }
        }
    }
}
