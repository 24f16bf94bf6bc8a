import MicroBrokerMemory
import MicroCore
import MicroRegistryMemory
import MicroTesting
import MicroTransportMemory
import Testing

@Suite(.timeLimit(.minutes(5))) struct ConformanceTests {
    @Test func registryOfItsOwn() async throws {
        let clock = ManualClock()
        var suite = RegistryConformance { MemoryRegistry(clock: clock) }
        suite.clock = clock
        suite.timeToLive = .seconds(30)
        try await suite.run()
    }

    @Test func registryOfTheProcess() async throws {
        var suite = RegistryConformance { .memory }
        suite.observer = { .memory }
        try await suite.run()
    }

    @Test func transport() async throws {
        let suite = TransportConformance(server: .memory, client: .memory, address: .host("", port: 0))
        try await suite.run()
    }

    @Test func transportWithTheSmallestBuffers() async throws {
        var configuration = MemoryTransport.Configuration.defaults
        configuration.bufferedMessages = 1
        let transport = MemoryTransport(configuration: configuration)
        try await TransportConformance(
            server: transport, client: transport, address: .host("tiny", port: 0)
        ).run()
    }

    @Test func broker() async throws {
        try await BrokerConformance {
            let exchange = MemoryBroker.Exchange()
            return (MemoryBroker(exchange: exchange), MemoryBroker(exchange: exchange))
        }.run()
    }

    @Test func brokerOfTheProcess() async throws {
        try await BrokerConformance { (.memory, .memory) }.run()
    }

    @Test func brokerByItself() async throws {
        try await BrokerConformance {
            let broker = MemoryBroker(exchange: .init())
            return (broker, broker)
        }.run()
    }
}
