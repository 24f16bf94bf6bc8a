import InMemoryLogging
import Logging
import Micro
import MicroBrokerMemory
import MicroCore
import MicroRegistryMemory
import MicroServiceTesting
import MicroTestSupport
import MicroTransportMemory
import Synchronization
import Testing

struct Greeting: Codable, Hashable, Sendable { var message: String }

@Suite("Publishing and subscribing", .timeLimit(.minutes(2)))
struct EventTests {
    private func body(_ json: String) -> EncodedMessage { EncodedMessage(Array(json.utf8)) }

    @Test("what is published arrives, with its metadata")
    func roundTrip() async throws {
        let journal = Journal()
        let service = makeService(broker: MemoryBroker(exchange: .init())) {
            Subscriber("greetings") { (event: Greeting, context) in
                journal.add(event.message)
                journal.add("\(context.topic) \(context.contentSubtype) \(context.attempt)")
                journal.add(context.metadata["Trace-Id"] ?? "none")
                journal.add(context.metadata["micro-from-service"] ?? "none")
                journal.add(context.messageID ?? "none")
                journal.add(context.service.name)
            }
        }
        try await service.withRunning { running in
            try await running.publish(
                "greetings", Greeting(message: "Hello!"),
                options: PublishOptions(metadata: ["trace-id": "42"], messageID: "m-1"))
            await journal.wait(for: 6)
        }
        #expect(journal.lines == ["Hello!", "greetings json 1", "42", "greeter", "m-1", "greeter"])
    }

    @Test("the header is go-micro's")
    func header() async throws {
        let broker = JournalBroker()
        try await makeService("shop", broker: broker) { hello }.withRunning { running in
            var metadata: Metadata = ["x-request-id": "7", "foo_bar": "1", "a.b": "2"]
            metadata.add("8", for: "x-request-id")
            try await running.publish(
                "orders", Number(value: 1), options: PublishOptions(metadata: metadata, messageID: "id"))
        }
        let event = try #require(broker.events.first)
        #expect(
            event.header == [
                "Content-Type": "application/json", "Micro-Topic": "orders", "Micro-Id": "id",
                "Micro-From-Service": "shop", "X-Request-Id": "7,8", "Foo_bar": "1", "A.B": "2",
            ])
        #expect(event.body == body(#"{"value":1}"#))
    }

    @Test("content types as go-micro's publishers send them")
    func contentTypes() async throws {
        let (exchange, journal) = (MemoryBroker.Exchange(), Journal())
        let service = makeService(broker: MemoryBroker(exchange: exchange)) {
            Subscriber("t") { (event: Greeting, context) in
                journal.add("\(event.message) \(context.contentSubtype)")
            }
        }
        let publisher = MemoryBroker(exchange: exchange)
        let types = [
            "application/json", "application/grpc+json", "application/json; charset=utf-8",
            "Application/JSON",
            "", nil,
        ]
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await publisher.run() }
            try await service.withRunning { running in
                for (number, type) in types.enumerated() {
                    let event = BrokerEvent(
                        topic: "t", header: type.map { ["content-type": $0] } ?? [:],
                        body: body(#"{"message":"\#(number)"}"#))
                    try await publisher.publish(event, to: "t")
                }
                await journal.wait(for: types.count)
                #expect(journal.lines == types.indices.map { "\($0) json" })
                for type in ["application/grpc+proto", "application/zzz", "text/plain", "json"] {
                    let event = BrokerEvent(topic: "t", header: ["Content-Type": type], body: body("{}"))
                    let error = await #expect(throws: MicroError.self) {
                        try await publisher.publish(event, to: "t")
                    }
                    #expect(error?.status == .invalidArgument)
                    #expect(error?.detail.contains("it reads application/json") == true)
                }
                #expect(running.subscribers[0].undecodable == 4)
            }
            group.cancelAll()
        }
        #expect(journal.lines.count == types.count)
    }

    @Test("an event that can't be decoded and a function that throws are logged, counted and refused")
    func failures() async throws {
        struct Broken: Error {}
        let (exchange, journal, log) = (MemoryBroker.Exchange(), Journal(), InMemoryLogHandler())
        let service = makeService(broker: MemoryBroker(exchange: exchange)) {
            Subscriber("t") { (event: Greeting, context) in
                if event.message == "bad" { throw Broken() }
                journal.add(event.message)
            }
        }
        let publisher = MemoryBroker(exchange: exchange)
        try await withLogger(Logger(label: "test", factory: { _ in log })) { _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await publisher.run() }
                try await service.withRunning { running in
                    for text in ["{", "[", "", #"{"message":"bad"}"#, #"{"message":"good"}"#] {
                        try await publisher.publish(
                            BrokerEvent(
                                topic: "t", header: ["Content-Type": "application/json"], body: body(text)),
                            to: "t")
                    }
                    await journal.wait(for: 1)
                    try await eventually("all are handled") {
                        running.subscribers[0].handled > 0 && running.subscribers[0].dropped >= 4
                    }
                    let statistics = running.subscribers[0]
                    #expect(statistics.failed == 1)
                    #expect(statistics.undecodable == 3)
                    #expect(statistics.dropped == 4)
                }
                group.cancelAll()
            }
        }
        let warnings = log.entries.filter { $0.level == .warning }
        #expect(warnings.map { "\($0.message)" } == ["An event can't be decoded."])
        let errors = log.entries.filter { $0.level == .error }
        #expect(errors.map { "\($0.message)" } == ["A subscriber failed."])
        for entry in warnings + errors {
            #expect(entry.metadata["messaging.destination.name"] == "t")
        }
        #expect(errors.first?.metadata["micro.error.reference"]?.description.count == 8)
        #expect(errors.last?.metadata["error.message"]?.description.contains("Broken") == true)
    }

    @Test("queues share events, and each service without one gets all")
    func queues() async throws {
        let (exchange, shared, all) = (MemoryBroker.Exchange(), Journal(), Journal())
        func makeWorker(_ name: String) -> MicroService {
            makeService(name, broker: .memory(exchange)) {
                Subscriber("jobs", queue: "workers") { (event: Number, _) in shared.add("\(event.value)") }
                Subscriber("jobs") { (event: Number, _) in all.add("\(event.value)") }
            }
        }
        let (first, second) = (makeWorker("first"), makeWorker("second"))
        try await first.withRunning { _ in
            try await second.withRunning { running in
                for value in 0..<10 { try await running.publish("jobs", Number(value: value)) }
                await shared.wait(for: 10)
                await all.wait(for: 20)
            }
        }
        #expect(shared.lines.compactMap { Int($0) }.sorted() == Array(0..<10))
        #expect(all.lines.count == 20)
    }

    @Test("handlers of calls and events publish as well")
    func publishingFromHandlers() async throws {
        let service = makeService {
            Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                try await context.publish("first", Greeting(message: request.name))
                return HelloReply(message: "sent")
            }
            Subscriber("first") { (event: Greeting, context) in
                try await context.publish("second", Greeting(message: event.message + "!"))
            }
        }
        try await service.test { client in
            let reply = try await client.microClient.hello("John")
            #expect(reply == "sent")
            let event = try await client.nextEvent("second", as: Greeting.self)
            #expect(event.message == "John!")
        }
    }

    @Test("middleware runs around events, the first one outermost, and can refuse them")
    func middleware() async throws {
        struct Tag: SubscriberMiddleware {
            let name: String
            let journal: Journal

            func handle(_ context: EventContext, next: Next<Void>) async throws {
                journal.add("\(name) in")
                if context.metadata["refused"] == name { throw MicroError(.permissionDenied, "No.") }
                try await next()
                journal.add("\(name) out")
            }
            func applies(to subscriber: SubscriberInfo) -> Bool { subscriber.topic != "plain" }
        }
        let journal = Journal()
        let service = makeService(
            broker: .memory(.init()),
            middleware: [
                .subscriber(Tag(name: "a", journal: journal)), .subscriber(Tag(name: "b", journal: journal)),
            ]
        ) {
            Subscriber("tagged") { (event: Greeting, context) in journal.add(event.message) }
            Subscriber("plain") { (event: Greeting, context) in journal.add(event.message) }
        }
        try await service.withRunning { running in
            try await running.publish("tagged", Greeting(message: "x"))
            await journal.wait(for: 5)
            try await running.publish("plain", Greeting(message: "y"))
            await journal.wait(for: 6)
            try await running.publish(
                "tagged", Greeting(message: "z"), options: PublishOptions(metadata: ["refused": "b"]))
            await journal.wait(for: 8)
            try await eventually("one fails") { running.subscribers.map(\.failed).reduce(0, +) > 0 }
        }
        #expect(journal.lines == ["a in", "b in", "x", "b out", "a out", "y", "a in", "b in"])
    }

    @Test("a function can tell early what becomes of an event")
    func earlyWord() async throws {
        let journal = Journal()
        let service = makeService(broker: .memory(.init())) {
            Subscriber("t") { (event: Greeting, context) in
                if event.message == "reject" {
                    try await context.reject(retryAfter: .seconds(1))
                } else {
                    try await context.acknowledge()
                }
                journal.add(event.message)
                throw MicroError(.internal, "too late")
            }
        }
        try await service.withRunning { running in
            for text in ["accept", "reject"] { try await running.publish("t", Greeting(message: text)) }
            await journal.wait(for: 2)
            try await eventually("two fail") { running.subscribers[0].failed >= 2 }
            try await eventually("one is dropped") { running.subscribers[0].dropped >= 1 }
            #expect(running.subscribers[0].dropped == 1)
        }
    }

    @Test("what can't be encoded or published is a clear error")
    func publishErrors() async throws {
        try await makeService(broker: .memory(.init())) { hello }.withRunning { running in
            let subtype = await #expect(throws: MicroError.self) {
                try await running.publish(
                    "t", Number(value: 1), options: PublishOptions(contentSubtype: "proto"))
            }
            #expect(subtype?.detail.contains("\"proto\"") == true)
            let value = await #expect(throws: MicroError.self) { try await running.publish("t", Double.nan) }
            #expect(value?.httpCode == 400)
            let topic = await #expect(throws: MicroError.self) { try await running.publish("a b", "x") }
            #expect(topic?.status == .invalidArgument)
        }
        struct Odd: Error {}
        let broker = JournalBroker(publishError: Odd())
        try await makeService(broker: broker) { hello }.withRunning { running in
            let error = await #expect(throws: MicroError.self) { try await running.publish("t", "x") }
            #expect(error?.status == .unavailable)
            #expect(error?.detail.contains("Odd") == true)
        }
    }

    @Test("a client publishes to the subscribers of services")
    func client() async throws {
        let (exchange, journal) = (MemoryBroker.Exchange(), Journal())
        let service = makeService(broker: .memory(exchange)) {
            Subscriber("t") { (event: Greeting, context) in
                journal.add("\(event.message) from \(context.metadata["micro-from-service"] ?? "nobody")")
            }
        }
        try await service.withRunning { _ in
            let client = MicroClient(
                name: "tool", registry: MemoryRegistry(), broker: .memory(exchange), plugins: testPlugins,
                configuration: .test())
            try await withMicroClient(client) { try await $0.publish("t", Greeting(message: "Hi")) }
            await journal.wait(for: 1)
        }
        #expect(journal.lines == ["Hi from tool"])
    }
}
