import EtcdTestSupport
import MicroRegistryEtcd
import MicroTesting
import Testing

/// The promises of `Registry`, by one registry alone and by two with an etcd between.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ConformanceTests {
    @Test func keepsThePromisesOfARegistry() async throws {
        let server = try await EtcdServer.started()
        try await RegistryConformance { EtcdRegistry(addresses: [server.address]) }.run()
    }

    @Test func keepsThePromisesBetweenTwoProcesses() async throws {
        let server = try await EtcdServer.started()
        var suite = RegistryConformance { EtcdRegistry(addresses: [server.address]) }
        suite.observer = { EtcdRegistry(addresses: [server.address]) }
        try await suite.run()
    }
}
