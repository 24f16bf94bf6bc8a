import Foundation
import MicroBrokerHTTP
import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import Testing

/// The bytes of go-micro's broker, both ways, with programs in Python in the place of go-micro.
@Suite(.timeLimit(.minutes(2))) struct GoMicroTests {
    /// What a publisher of go-micro v2.9.1 has posted.
    static let captured =
        #"{"Header":{"Content-Type":"application/grpc+proto","Foo":"bar","Micro-From-Service":"gm-client","#
        + #""Micro-Topic":"go.micro.topic.hb"},"Body":"CgRpZC0wEMiDg9gGGgRKb2hu"}"#

    private struct Post: Decodable {
        var path: String
        var type: String
        var body: String
        var attempt: String?
        var port: Int
    }

    /// Starts a foreign subscriber of a topic, and puts it into the registry as go-micro would.
    private func makeSubscriber(
        _ registry: MemoryRegistry, topic: String = "go.micro.topic.hb", queue: String = "ff.http.broadcast",
        answering statuses: String = "200", bytes: Int = 0, delivery: String? = nil
    ) async throws -> ForeignProgram {
        let program = try ForeignProgram(
            "python3", ["-c", Python.subscriber, statuses, "\(bytes)"], package: "python3")
        try await program.waitForOutput("port ")
        let port = try #require(
            program.output.split(separator: "\n").first?.split(separator: " ").last.flatMap { Int($0) })
        var metadata = ["broker": "http", "secure": "false", "topic": topic]
        if let delivery { metadata["delivery"] = delivery }
        try await registry.register(
            ServiceRecord(
                name: "micro.http.broker", version: queue,
                nodes: [
                    Node(id: "\(topic)-e567329d", address: "127.0.0.1:\(port)", metadata: metadata)
                ]), timeToLive: nil)
        return program
    }

    private func posts(_ program: ForeignProgram) throws -> [Post] {
        try program.output.split(separator: "\n").dropFirst().map {
            try JSONDecoder().decode(Post.self, from: Data($0.utf8))
        }
    }

    @Test func answersAreBounded() async throws {
        let (registry, broker) = (MemoryRegistry(), HTTPBroker())
        let subscribers = [
            try await makeSubscriber(registry, topic: "short", bytes: 60_000),
            try await makeSubscriber(registry, topic: "long", bytes: 100_000),
        ]
        try await whileRunning(broker, registry: registry) {
            try await broker.publish(BrokerEvent(topic: "", body: EncodedMessage()), to: "short")
            let error = await #expect(throws: MicroError.self) {
                try await broker.publish(BrokerEvent(topic: "", body: EncodedMessage()), to: "long")
            }
            #expect(error?.detail.contains("too large a body") == true, "\(error?.detail ?? "")")
        }
        for subscriber in subscribers { await subscriber.stop() }
    }

    @Test func whatGoMicroPostsArrives() async throws {
        let (registry, broker, log) = (MemoryRegistry(), HTTPBroker(), Log<BrokerEvent>())
        try await whileRunning(broker, registry: registry) {
            let subscription = try await broker.subscribe(.init(topic: "go.micro.topic.hb", queue: "q1")) {
                log.add($0.event)
                return .ack
            }
            let record = try #require(await registry.lookup("micro.http.broker").first)
            let node = try #require(record.nodes.first)
            #expect(record.version == "q1")
            #expect(record.metadata == nil && record.endpoints == nil)
            #expect(node.id.hasPrefix("go.micro.topic.hb-"))
            #expect(node.id.count == "go.micro.topic.hb-".count + 36)
            #expect(node.address.hasPrefix("127.0.0.1:"))
            #expect(
                node.metadata == ["broker": "http", "secure": "false", "topic": "go.micro.topic.hb"])
            let answer = try await Python.run(Python.post, node.address, node.id, Self.captured)
            #expect(answer == "200 \n")
            #expect(
                log.all.first?.header == [
                    "Content-Type": "application/grpc+proto", "Foo": "bar", "Micro-From-Service": "gm-client",
                    "Micro-Topic": "go.micro.topic.hb",
                ])
            #expect(
                log.all.first?.body.bytes
                    == Array("\n\u{4}id-0\u{10}".utf8) + [0xC8, 0x83, 0x83, 0xD8, 0x06]
                    + Array("\u{1A}\u{4}John".utf8))
            await subscription.cancel(deadline: .now + .seconds(10))
            #expect(await registry.lookup("micro.http.broker").isEmpty)
        }
    }

    @Test func curlPublishes() async throws {
        let (registry, broker, log) = (MemoryRegistry(), HTTPBroker(), Log<String>())
        try await whileRunning(broker, registry: registry) {
            _ = try await broker.subscribe(.init(topic: "topic.x")) {
                log.add(String(decoding: $0.event.body.bytes, as: UTF8.self))
                return .ack
            }
            let node = try #require(await registry.lookup("micro.http.broker").first?.nodes.first)
            // Larger than what curl sends without asking first (Expect: 100-continue).
            let body = String(repeating: "x", count: 1_500_000)
            let envelope =
                #"{"Header":{"Micro-Topic":"topic.x"},"Body":"\#(Data(body.utf8).base64EncodedString())"}"#
            let curl = try ForeignProgram(
                "curl",
                [
                    "-sS", "--max-time", "20", "-w", "%{http_code}", "-H", "Content-Type: application/json",
                    "--data-binary", "@-", "http://\(node.address)/?id=\(node.id)",
                ], package: "curl")
            try curl.write(envelope)
            curl.closeInput()
            #expect(try await curl.exitStatus() == 0, "\(curl.errorOutput)")
            #expect(curl.output == "200")
            #expect(log.all == [body])
        }
    }

    @Test func whatWePublishIsWhatGoMicroReads() async throws {
        let (registry, broker) = (MemoryRegistry(), HTTPBroker())
        let subscriber = try await makeSubscriber(registry)
        try await whileRunning(broker, registry: registry) {
            let body: [UInt8] =
                Array("\n\u{4}id-0\u{10}".utf8) + [0xC8, 0x83, 0x83, 0xD8, 0x06]
                + Array("\u{1A}\u{4}John".utf8)
            let header = [
                "Content-Type": "application/grpc+proto", "Foo": "bar", "Micro-From-Service": "gm-client",
            ]
            for _ in 0..<2 {
                try await broker.publish(
                    BrokerEvent(topic: "", header: header, body: EncodedMessage(body)),
                    to: "go.micro.topic.hb")
            }
            try await broker.publish(BrokerEvent(topic: "", body: EncodedMessage()), to: "another.topic")
        }
        let posts = try posts(subscriber)
        #expect(posts.map(\.path) == Array(repeating: "/?id=go.micro.topic.hb-e567329d", count: 2))
        #expect(posts.map(\.type) == ["application/json", "application/json"])
        #expect(posts.map(\.body) == [Self.captured, Self.captured])
        #expect(posts.map(\.attempt) == [nil, nil])
        #expect(posts.first?.port == posts.last?.port, "The connection was not kept.")
        await subscriber.stop()
    }

    @Test func aQueueGetsAnEventOnce() async throws {
        let (registry, broker, log) = (MemoryRegistry(), HTTPBroker(), Log<String>())
        let foreign = try await makeSubscriber(registry, topic: "jobs", queue: "workers")
        try await whileRunning(broker, registry: registry) {
            _ = try await broker.subscribe(.init(topic: "jobs", queue: "workers")) {
                log.add(String(decoding: $0.event.body.bytes, as: UTF8.self))
                return .ack
            }
            for number in 0..<40 {
                try await broker.publish(
                    BrokerEvent(topic: "", body: EncodedMessage(Array("\(number)".utf8))), to: "jobs")
            }
        }
        let count = try posts(foreign).count
        #expect(count + log.all.count == 40)
        #expect(count > 0 && !log.all.isEmpty)
        await foreign.stop()
    }

    @Test func refusedEventsAreSentAgainWithinABound() async throws {
        let (registry, broker) = (MemoryRegistry(), HTTPBroker(configuration: .init(retries: 2)))
        let subscriber = try await makeSubscriber(
            registry, topic: "t", answering: "500,500,200,500", delivery: "at-least-once")
        try await whileRunning(broker, registry: registry) {
            let event = BrokerEvent(topic: "", body: EncodedMessage())
            try await broker.publish(event, to: "t")
            let error = await #expect(throws: MicroError.self) { try await broker.publish(event, to: "t") }
            #expect(error?.status == .unavailable)
            #expect(error?.detail.contains("500") == true)
        }
        #expect(try posts(subscriber).map(\.attempt) == [nil, "2", "3", nil, "2", "3"])
        await subscriber.stop()
    }

    @Test func aSubscriberThatIsGoneIsPassedOverOrReported() async throws {
        let (registry, broker, log) = (
            MemoryRegistry(), HTTPBroker(configuration: .init(retries: 1)), Log<String>()
        )
        func gone(_ topic: String, queue: String) -> ServiceRecord {
            ServiceRecord(
                name: "micro.http.broker", version: queue,
                nodes: [
                    Node(
                        id: "\(topic)-gone", address: "127.0.0.1:1",
                        metadata: ["broker": "http", "secure": "false", "topic": topic])
                ])
        }
        try await registry.register(gone("queued", queue: "q"), timeToLive: nil)
        try await registry.register(gone("alone", queue: "ff.http.broadcast"), timeToLive: nil)
        try await registry.register(gone("both", queue: "ff.http.broadcast"), timeToLive: nil)
        try await whileRunning(broker, registry: registry) {
            for options in [
                SubscriptionOptions(topic: "queued", queue: "q"), SubscriptionOptions(topic: "both"),
            ] {
                _ = try await broker.subscribe(options) {
                    log.add($0.event.topic)
                    return .ack
                }
            }
            for _ in 0..<10 {
                try await broker.publish(BrokerEvent(topic: "", body: EncodedMessage()), to: "queued")
            }
            #expect(log.all.count == 10)
            // One of two subscribers is gone: a warning. The only one is: an error.
            try await broker.publish(BrokerEvent(topic: "", body: EncodedMessage()), to: "both")
            #expect(log.all.count == 11)
            let error = await #expect(throws: MicroError.self) {
                try await broker.publish(BrokerEvent(topic: "", body: EncodedMessage()), to: "alone")
            }
            #expect(error?.status == .unavailable)
            #expect(error?.detail.contains("127.0.0.1:1") == true)
        }
    }
}
