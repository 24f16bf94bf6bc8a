import MicroBrokerMemory
import MicroCore
import MicroTesting
import Testing

@Suite(.timeLimit(.minutes(2))) struct MemoryBrokerTests {
    /// Runs a broker for as long as a closure does.
    private func whileRunning(
        _ broker: MemoryBroker, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await broker.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    @Test func aFullQueueDropsTheOldest() async throws {
        let broker = MemoryBroker(exchange: .init())
        try await whileRunning(broker) {
            let (entered, texts) = (Gate(), Texts())
            let gate = Gate()
            let subscription = try await broker.subscribe(.init(topic: "t", bufferSize: 3)) { received in
                texts.add(received.event.body)
                entered.open()
                await gate.wait()
                return .ack
            }
            try await broker.publish(
                BrokerEvent(topic: "", body: EncodedMessage(Array("first".utf8))), to: "t")
            await entered.wait()
            for number in 0..<10 {
                try await broker.publish(
                    BrokerEvent(topic: "", body: EncodedMessage(Array("\(number)".utf8))), to: "t")
            }
            #expect(subscription.dropped == 7)
            gate.open()
            await subscription.cancel(deadline: .now + .seconds(10))
            #expect(texts.all == ["first", "7", "8", "9"])
            #expect(subscription.dropped == 7)
        }
    }

    @Test func whatWaitsIsBoundedInBytes() async throws {
        let broker = MemoryBroker(exchange: .init())
        try await whileRunning(broker) {
            let (entered, gate) = (Gate(), Gate())
            let subscription = try await broker.subscribe(.init(topic: "t")) { _ in
                entered.open()
                await gate.wait()
                return .ack
            }
            let event = BrokerEvent(topic: "", body: EncodedMessage([UInt8](repeating: 0, count: 30 << 20)))
            try await broker.publish(event, to: "t")
            await entered.wait()
            for _ in 0..<5 { try await broker.publish(event, to: "t") }
            #expect(subscription.dropped == 3)
            gate.open()
            await subscription.cancel(deadline: .now + .seconds(30))
            #expect(subscription.dropped == 3)
        }
    }

    @Test func whatIsLeftAtTheDeadlineIsCounted() async throws {
        let broker = MemoryBroker(exchange: .init())
        try await whileRunning(broker) {
            let entered = Gate()
            let subscription = try await broker.subscribe(.init(topic: "t")) { _ in
                entered.open()
                try? await Task.sleep(for: .seconds(1000))
                return .nack()
            }
            for _ in 0..<5 {
                try await broker.publish(BrokerEvent(topic: "", body: EncodedMessage()), to: "t")
            }
            await entered.wait()
            await subscription.cancel(deadline: .now)
            #expect(subscription.dropped == 5)
        }
    }

    @Test func theMembersOfAQueueTakeTurns() async throws {
        let broker = MemoryBroker(exchange: .init())
        try await whileRunning(broker) {
            let (first, second) = (Texts(), Texts())
            var subscriptions: [any BrokerSubscription] = []
            for texts in [first, second] {
                subscriptions.append(
                    try await broker.subscribe(.init(topic: "t", queue: "q")) { received in
                        texts.add(received.event.body)
                        return .ack
                    })
            }
            for _ in 0..<10 {
                try await broker.publish(BrokerEvent(topic: "", body: EncodedMessage()), to: "t")
            }
            for subscription in subscriptions { await subscription.cancel(deadline: .now + .seconds(10)) }
            #expect(first.all.count == 5)
            #expect(second.all.count == 5)
        }
    }

    @Test func runningTwiceIsAClearError() async throws {
        let broker = MemoryBroker(exchange: .init())
        try await whileRunning(broker) {
            try await broker.publish(BrokerEvent(topic: "", body: EncodedMessage()), to: "t")
            let error = await #expect(throws: StartError.self) { try await broker.run() }
            #expect(error?.message.contains("run twice") == true)
        }
    }

    @Test func namesAreChecked() async throws {
        let broker = MemoryBroker(exchange: .init())
        for (name, part) in [
            ("", "is empty"), ("a b", "space"), ("a.*", "wildcards"), ("a..b", "empty part"),
            (String(repeating: "x", count: 300), "300 bytes"),
        ] {
            let error = await #expect(throws: MicroError.self) {
                try await broker.publish(BrokerEvent(topic: "", body: EncodedMessage()), to: name)
            }
            #expect(error?.status == .invalidArgument)
            #expect(error?.detail.contains(part) == true)
        }
        await #expect(throws: StartError.self) {
            _ = try await broker.subscribe(.init(topic: "t", concurrency: 0)) { _ in .ack }
        }
        await #expect(throws: MicroError.self) {
            _ = try await broker.subscribe(.init(topic: "t", queue: "a b")) { _ in .ack }
        }
    }

    @Test func itIsFoundByItsRecord() throws {
        #expect(try Plugins.linked.choose(.broker, name: "memory").module == "MicroBrokerMemory")
    }
}
