import Foundation
import MicroCore
import MicroNATS
import MicroTestSupport
import NIOCore
import Synchronization
import Testing

@testable import MicroBrokerNATS

@Suite("NATS broker at least once", .timeLimit(.minutes(2)))
struct AtLeastOnceTests {
    private static func event(_ text: String, id: String? = nil) -> BrokerEvent {
        BrokerEvent(
            topic: "orders.new", header: id.map { ["Micro-Id": $0] } ?? [:],
            body: EncodedMessage(Array(text.utf8)))
    }

    private static var options: NATSBroker.JetStreamOptions {
        var options = NATSBroker.JetStreamOptions()
        options.ackWait = .milliseconds(500)
        options.redeliveryDelay = .milliseconds(20)
        options.maximumDeliveries = 3
        return options
    }

    private static func subscription(_ queue: String? = "q") -> SubscriptionOptions {
        SubscriptionOptions(topic: "orders.new", queue: queue, delivery: .atLeastOnce)
    }

    @Test("An event of one id is stored once")
    func duplicates() async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        let ours = broker(server, jetStream: Self.options)
        try await withBrokers([ours]) {
            let bodies = Bodies()
            let subscription = try await ours.subscribe(Self.subscription()) { received in
                bodies.add(received)
                return .ack
            }
            for _ in 0..<3 { try await ours.publish(Self.event("once", id: "17"), to: "orders.new") }
            try await ours.publish(Self.event("other", id: "18"), to: "orders.new")
            try await eventually("both are there") { bodies.all.count == 2 }
            #expect(bodies.all == ["once", "other"])
            await subscription.cancel(deadline: .now)
        }
        await server.stop()
    }

    @Test("A topic whose stream somebody deletes gets another one, and its subscriber all that is in it")
    func deletedStream() async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        let ours = broker(server, jetStream: Self.options)
        try await withBrokers([ours]) {
            let bodies = Bodies()
            let subscription = try await ours.subscribe(Self.subscription()) { received in
                bodies.add(received)
                return .ack
            }
            for number in 0..<3 { try await ours.publish(Self.event("\(number)"), to: "orders.new") }
            try await eventually("all are there") { bodies.all.count == 3 }
            try await withClient(server) {
                try await JetStream($0).deleteStream(JetStreamNames.stream("orders.new"))
            }
            // As many as the subscriber knows of the old stream, and more.
            for number in 3..<8 { try await ours.publish(Self.event("\(number)"), to: "orders.new") }
            try await eventually("all are there again") { bodies.all.count == 8 }
            #expect(bodies.all == (0..<8).map(String.init))
            await subscription.cancel(deadline: .now)
        }
        await server.stop()
    }

    @Test("An event that is refused as often as it may be is given up, and counted")
    func maximumDeliveries() async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        let ours = broker(server, jetStream: Self.options)
        try await withBrokers([ours]) {
            let attempts = Mutex<[Int]>([])
            let subscription = try await ours.subscribe(Self.subscription()) { received in
                attempts.withLock { $0.append(received.attempt) }
                return .nack()
            }
            try await ours.publish(Self.event("bad"), to: "orders.new")
            // The one is counted within the handler's turn, the other behind it.
            try await eventually("it is given up") { ours.abandoned == 1 && subscription.dropped == 1 }
            #expect(attempts.withLock { $0 } == [1, 2, 3])
            await subscription.cancel(deadline: .now)
        }
        await server.stop()
    }

    @Test("A long handler keeps its event, and those that wait behind it")
    func inProgress() async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        let ours = broker(server, jetStream: Self.options)
        try await withBrokers([ours]) {
            let bodies = Bodies()
            let subscription = try await ours.subscribe(Self.subscription()) { received in
                if bodies.add(received) == 1 { try? await Task.sleep(for: .milliseconds(1600)) }
                return .ack
            }
            for text in ["long", "next", "last"] {
                try await ours.publish(Self.event(text), to: "orders.new")
            }
            try await eventually("all three") { bodies.all.count >= 3 }
            try await Task.sleep(for: .milliseconds(700))
            #expect(bodies.all == ["long", "next", "last"])
            await subscription.cancel(deadline: .now + .seconds(1))
        }
        await server.stop()
    }

    @Test("A consumer that dies before it has acknowledged leaves its events to the next")
    func consumerCrash() async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        let bodies = Bodies()
        let publisher = broker(server, jetStream: Self.options)
        try await withBrokers([publisher]) {
            let entered = AsyncStream.makeStream(of: Void.self)
            let first = broker(server, jetStream: Self.options)
            try await withBrokers([first]) {
                _ = try await first.subscribe(Self.subscription()) { _ in
                    entered.continuation.yield()
                    try? await Task.sleep(for: .seconds(60))
                    return .nack()
                }
                for number in 0..<20 {
                    try await publisher.publish(Self.event("\(number)"), to: "orders.new")
                }
                for await _ in entered.stream { break }
            }
            let second = broker(server, jetStream: Self.options)
            try await withBrokers([second]) {
                let subscription = try await second.subscribe(Self.subscription()) { received in
                    bodies.add(received)
                    return .ack
                }
                try await eventually("all are there") { Set(bodies.all).count == 20 }
                await subscription.cancel(deadline: .now)
            }
        }
        await server.stop()
    }

    @Test(
        "No stored event is lost over kill -9 and restart of the server, with a busy subscription",
        arguments: ["q", nil])
    func serverCrash(_ queue: String?) async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        let (publisher, subscriber) = (
            broker(server, jetStream: Self.options), broker(server, jetStream: Self.options)
        )
        try await withBrokers([publisher, subscriber]) {
            let bodies = Bodies()
            let subscription = try await subscriber.subscribe(Self.subscription(queue)) { received in
                bodies.add(received)
                return .ack
            }
            let stored = Counter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<200 {
                        try await publisher.publish(
                            Self.event("\(number)", id: "id-\(number)"), to: "orders.new")
                        stored.increment()
                    }
                }
                try await eventually("some are stored") { stored.value >= 60 }
                try await server.kill()
                let restarted = try await server.restarted()
                try await group.waitForAll()
                try await eventually("all are there", within: .seconds(40)) { Set(bodies.all).count == 200 }
                await subscription.cancel(deadline: .now + .seconds(1))
                await restarted.stop()
            }
        }
    }

    @Test("One stream of all topics, made at start with its subjects")
    func namedStream() async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        var options = Self.options
        options.stream = "EVENTS"
        options.subjects = ["orders.>"]
        let ours = broker(server, jetStream: options)
        try await withClient(server) { client in
            try await withBrokers([ours]) {
                try await eventually("the stream is made") {
                    try await JetStream(client).stream("EVENTS")?.config.subjects == ["orders.>"]
                }
                try await ours.publish(Self.event("x"), to: "orders.new")
                #expect(try await JetStream(client).stream("EVENTS")?.state.messages == 1)
                await #expect {
                    try await ours.publish(Self.event("x"), to: "other")
                } throws: { ($0 as? MicroError)?.detail.contains("MICRO_BROKER_STREAM_SUBJECTS") == true }
            }
        }
        await server.stop()
    }
}
