import MicroTesting
import Testing

@testable import MicroRegistryMDNS

/// The promises of `Registry`, by one registry alone and by two over the network.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ConformanceTests {
    @Test func keepsThePromisesOfARegistry() async throws {
        try await RegistryConformance { MDNSRegistry(configuration: .defaults) }.run()
    }

    @Test(arguments: Network.interfaces)
    func keepsThePromisesOverTheNetwork(interface: String) async throws {
        let configuration = MDNSRegistry.Configuration(
            domain: "micro", interfaces: [interface], timeout: .milliseconds(100))
        var suite = RegistryConformance { MDNSRegistry(configuration: configuration) }
        suite.observer = { MDNSRegistry(configuration: configuration) }
        try await suite.run()
    }
}
