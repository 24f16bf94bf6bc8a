import MicroBrokerHTTP
import MicroCore
import MicroRegistryMemory
import MicroTesting
import Testing

@Suite(.timeLimit(.minutes(2))) struct RetryTests {
    @Test func whatIsRefusedIsSentAgainAfterGrowingPauses() async throws {
        let clock = ManualClock()
        let publisher = HTTPBroker(configuration: .init(retries: 5), clock: clock)
        let subscriber = HTTPBroker()
        let received = Log<String>()
        try await whileRunning(publisher, subscriber, registry: MemoryRegistry()) {
            _ = try await subscriber.subscribe(.init(topic: "t", delivery: .atLeastOnce)) { event in
                received.add(String(decoding: event.event.body.bytes, as: UTF8.self))
                return [1, 5].contains(received.all.count) ? .ack : .nack()
            }
            // From the first event on the publisher knows who subscribes.
            try await publisher.publish(
                BrokerEvent(topic: "", body: EncodedMessage(Array("first".utf8))), to: "t")
            async let published: Void = publisher.publish(
                BrokerEvent(topic: "", body: EncodedMessage(Array("second".utf8))), to: "t")
            var pauses: [Duration] = []
            for _ in 0..<3 {
                // Beside the pause it waits for the next time when it repeats its registrations.
                await clock.waitForSleepers(2)
                pauses.append(await clock.advanceToNextDeadline())
            }
            try await published
            #expect(received.all == ["first"] + Array(repeating: "second", count: 4))
            for (pause, expected) in zip(pauses, [100, 200, 400]) {
                #expect(pause >= .milliseconds(expected) * 0.8 && pause <= .milliseconds(expected) * 1.2)
            }
        }
    }
}
