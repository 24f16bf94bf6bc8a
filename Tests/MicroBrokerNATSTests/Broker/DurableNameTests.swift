import MicroCore
import MicroNATS
import MicroTestSupport
import NIOCore
import Testing

@testable import MicroBrokerNATS

@Suite("Names of streams and consumers", .timeLimit(.minutes(2)))
struct DurableNameTests {
    private static func event(_ text: String, _ topic: String) -> BrokerEvent {
        BrokerEvent(topic: topic, body: EncodedMessage(Array(text.utf8)))
    }

    private static func options(_ topic: String, _ queue: String?) -> SubscriptionOptions {
        SubscriptionOptions(topic: topic, queue: queue, delivery: .atLeastOnce)
    }

    @Test("Queues and topics that look alike once their dots are gone have consumers of their own")
    func neighbours() async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        var options = NATSBroker.JetStreamOptions()
        options.stream = "ALL"
        options.subjects = ["b_c.>", "c.>"]
        let ours = broker(server, jetStream: options)
        try await withBrokers([ours]) {
            let (first, second) = (Bodies(), Bodies())
            let one = try await ours.subscribe(Self.options("b_c.x", "a")) { received in
                first.add(received)
                return .ack
            }
            let other = try await ours.subscribe(Self.options("c.x", "a_b")) { received in
                second.add(received)
                return .ack
            }
            for number in 0..<5 {
                try await ours.publish(Self.event("first \(number)", "b_c.x"), to: "b_c.x")
                try await ours.publish(Self.event("second \(number)", "c.x"), to: "c.x")
            }
            try await eventually("all are there") { first.all.count + second.all.count >= 10 }
            #expect(first.all == (0..<5).map { "first \($0)" })
            #expect(second.all == (0..<5).map { "second \($0)" })
            await one.cancel(deadline: .now)
            await other.cancel(deadline: .now)
        }
        await server.stop()
    }

    @Test("Topics that look alike once their dots are gone have streams of their own")
    func streams() async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        let ours = broker(server, jetStream: .init())
        let topics = ["orders.new", "orders_new", "orders/new", "orders-new"]
        try await withBrokers([ours]) {
            for topic in topics { try await ours.publish(Self.event("x", topic), to: topic) }
        }
        try await withClient(server) { client in
            for topic in topics {
                let streams = try await JetStream(client).streams(holding: topic)
                #expect(streams == [JetStreamNames.stream(topic)])
            }
        }
        await server.stop()
    }

    @Test("Names are one-to-one, and JetStream takes all of them")
    func oneToOne() {
        let parts = ["a", "a.b", "a_b", "a-b", "a/b", "a\\b", "a_b.c", "b", "b.c", "b_c", "ü", "micro-1"]
        let long = String(repeating: "é", count: 127)
        var names: Set<String> = []
        var count = 0
        for topic in parts + [long] {
            for name in parts + [long] {
                for owner in [JetStreamNames.Owner.queue(name), .durable(name)] {
                    let consumer = JetStreamNames.consumer(of: topic, for: owner)
                    #expect(NATSSubject.isToken(consumer))
                    names.insert(consumer)
                    count += 1
                }
            }
        }
        #expect(names.count == count)
        let streams = Set((parts + [long]).map(JetStreamNames.stream))
        #expect(streams.count == parts.count + 1)
        #expect(streams.allSatisfy(NATSSubject.isToken))
        // Other programs, and the next version, must find the same names.
        #expect(JetStreamNames.stream("orders") == "orders")
        #expect(JetStreamNames.consumer(of: "c.x", for: .queue("a_b")) == "a_b_c_x-756391b1ea85468a")
    }

    @Test("A consumer that is there for another subject is an error, and left as it is")
    func otherFilter() async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        let ours = broker(server, jetStream: .init())
        try await withClient(server) { client in
            let jetStream = JetStream(client)
            let name = JetStreamNames.consumer(of: "s.a", for: .queue("q"))
            try await jetStream.createStream(.init(name: "S", subjects: ["s.>"]))
            try await jetStream.createConsumer(.init(durableName: name, filterSubject: "s.b"), of: "S")
            try await withBrokers([ours]) {
                await #expect {
                    _ = try await ours.subscribe(Self.options("s.a", "q")) { _ in .ack }
                } throws: { "\($0)".contains(name) && "\($0)".contains("hands out s.b, not s.a") }
            }
            #expect(try await jetStream.consumer(name, of: "S")?.filterSubjects == ["s.b"])
            // One for the same subject goes on where it is, whatever the new one's beginning.
            let same = ConsumerConfiguration(durableName: name, filterSubject: "s.b", start: .new)
            #expect(try await jetStream.ensureConsumer(same, of: "S").name == name)
        }
        await server.stop()
    }

    @Test("A consumer goes on behind what one of the former name has acknowledged")
    func formerName() async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        let ours = broker(server, jetStream: .init())
        try await withClient(server) { client in
            let jetStream = JetStream(client)
            try await jetStream.createStream(.init(name: "S", subjects: ["s.>"]))
            try await jetStream.createConsumer(.init(durableName: "q_s_a", filterSubject: "s.a"), of: "S")
            try await withBrokers([ours]) {
                for number in 0..<4 { try await ours.publish(Self.event("\(number)", "s.a"), to: "s.a") }
                let puller = try await JetStreamPuller(jetStream, stream: "S", consumer: "q_s_a")
                let first = try #require(try await puller.next(asking: 1))
                try await first.acknowledge()
                await puller.stop()
                try await client.flush()
                let bodies = Bodies()
                for _ in 0..<2 {
                    let subscription = try await ours.subscribe(Self.options("s.a", "q")) { received in
                        bodies.add(received)
                        return .ack
                    }
                    try await eventually("what was not acknowledged") { bodies.all.count == 3 }
                    await subscription.cancel(deadline: .now + .seconds(1))
                }
                #expect(bodies.all == ["1", "2", "3"])
            }
        }
        await server.stop()
    }

    @Test("Two subscriptions without a queue don't share a durable name")
    func sharedDurable() async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        var options = NATSBroker.JetStreamOptions()
        options.durableName = "one"
        let ours = broker(server, jetStream: options)
        try await withBrokers([ours]) {
            let first = try await ours.subscribe(Self.options("s.a", nil)) { _ in .ack }
            await #expect(throws: StartError.self) {
                _ = try await ours.subscribe(Self.options("s.a", nil)) { _ in .ack }
            }
            _ = try await ours.subscribe(Self.options("s.a", "one")) { _ in .ack }
            await first.cancel(deadline: .now)
            _ = try await ours.subscribe(Self.options("s.a", nil)) { _ in .ack }
        }
        await server.stop()
    }
}
