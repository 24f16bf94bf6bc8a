import MicroCore
import MicroRegistryMemory
import Synchronization
import Testing

@testable import MicroBrokerHTTP

@Suite(.timeLimit(.minutes(2))) struct AddressTests {
    @Test func aSubscriptionIsRenewedWithTheAddressThatItHasNow() async throws {
        let address = Mutex("192.168.77.1:90")
        let registry = MemoryRegistry()
        let subscription = HTTPSubscription(
            SubscriptionOptions(topic: "t"), id: "t-1", address: { address.withLock { $0 } }, isSecure: false,
            registry: registry, handler: EventHandler { _ in .ack }, onCancel: { _ in })
        #expect(!subscription.hasMoved)
        try await subscription.register()
        #expect(!subscription.hasMoved)
        address.withLock { $0 = "192.168.77.9:90" }
        #expect(subscription.hasMoved)
        try await subscription.register()
        #expect(!subscription.hasMoved)
        #expect(
            await registry.lookup(BrokerRecord.service).flatMap(\.nodes).map(\.address) == ["192.168.77.9:90"]
        )
    }
}
