import MicroTesting
import Testing

@testable import MicroRegistryMDNS

/// The promises of `Registry`, by one registry alone and by two over the network.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ConformanceTests {
    @Test func keepsThePromisesOfARegistry() async throws {
        var suite = RegistryConformance { MDNSRegistry(configuration: .defaults) }
        suite.holdsNamedAddresses = false
        try await suite.run()
    }

    @Test(arguments: Network.interfaces)
    func keepsThePromisesOverTheNetwork(interface: String) async throws {
        // A writer that the machine keeps waiting for longer than the time limit would seem not to be there.
        let configuration = MDNSRegistry.Configuration(
            domain: "micro", interfaces: [interface], timeout: .seconds(1))
        var suite = RegistryConformance { MDNSRegistry(configuration: configuration) }
        suite.holdsNamedAddresses = false
        suite.observer = { MDNSRegistry(configuration: configuration) }
        try await suite.run()
    }
}
