import Micro
import MicroBrokerMemory
import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTransportMemory
import Testing

@Suite("The broker in a service's life", .timeLimit(.minutes(2)))
struct EventLifecycleTests {
    private let ignore: @Sendable (Greeting, EventContext) async throws -> Void = { _, _ in }

    @Test("the order of start and stop")
    func order() async throws {
        let journal = Journal()
        let service = makeService(
            registry: JournalRegistry(journal), transport: CapturingTransport(journal),
            broker: JournalBroker(journal)
        ) {
            hello
            Subscriber("a", handler: ignore)
            Subscriber("b", handler: ignore)
        }
        try await service.withRunning { _ in
            try await eventually("the registry runs") { journal.lines.contains("registry run") }
            journal.add("ready")
        }
        let lines = journal.lines.filter { $0 != "registry run" && $0 != "broker run" }
        #expect(
            Array(lines.prefix(8)) == [
                "registry prepare", "transport prepare", "broker prepare", "listen", "subscribe b",
                "subscribe a", "register", "ready",
            ])
        #expect(Array(lines.dropFirst(8).prefix(3)) == ["deregister", "shutdown", "shut down"])
        #expect(Set(lines.dropFirst(11).prefix(2)) == ["unsubscribe a", "unsubscribe b"])
        #expect(lines.suffix(2) == ["broker end", "registry end"])
    }

    @Test("events that are being handled when the service stops are finished")
    func drain() async throws {
        let (journal, gate) = (Journal(), Gate())
        let service = makeService(broker: .memory(.init())) {
            Subscriber("t") { (event: Greeting, context) in
                journal.add("begin")
                await gate.wait()
                journal.add(Task.isCancelled ? "cancelled" : "end")
            }
        }
        try await service.withRunning { running in
            try await running.publish("t", Greeting(message: "x"))
            await journal.wait(for: 1)
            Task.detached {
                try await Task.sleep(for: .milliseconds(100))
                gate.open()
            }
        }
        #expect(journal.lines == ["begin", "end"])
    }

    @Test("events that take longer than the limit are cancelled")
    func drainLimit() async throws {
        let journal = Journal()
        let service = makeService(
            broker: .memory(.init()), environment: ["MICRO_SERVER_DRAIN_TIMEOUT": "50ms"]
        ) {
            Subscriber("t") { (event: Greeting, context) in
                journal.add("begin")
                do { try await Task.sleep(for: .seconds(1000)) } catch { journal.add("cancelled") }
            }
        }
        try await service.withRunning { running in
            try await running.publish("t", Greeting(message: "x"))
            await journal.wait(for: 1)
        }
        #expect(journal.lines == ["begin", "cancelled"])
    }

    @Test("a service that neither subscribes nor publishes needs no broker, and starts none")
    func unused() async throws {
        let broker = JournalBroker()
        try await makeService(broker: broker) { hello }.withRunning { running in
            let reply = try await running.client.hello()
            #expect(reply == "Hello, world!")
            #expect(running.record.nodes[0].metadata?["broker"] == nil)
        }
        #expect(broker.journal.lines.isEmpty)
        // None is linked, and none is chosen.
        let service = makeService { hello }
        try await service.withRunning { running in
            let reply = try await running.client.hello()
            #expect(reply == "Hello, world!")
            for _ in 0..<2 {
                let error = await #expect(throws: MicroError.self) { try await running.publish("t", "x") }
                #expect(error?.status == .failedPrecondition)
                #expect(error?.detail.contains("No broker is linked") == true)
            }
        }
    }

    @Test("a client without a broker says so when it publishes")
    func clientWithoutBroker() async throws {
        let client = MicroClient(registry: MemoryRegistry(), plugins: testPlugins, configuration: .test())
        try await withMicroClient(client) { client in
            let error = await #expect(throws: MicroError.self) { try await client.publish("t", "x") }
            #expect(error?.detail.contains("No broker is linked") == true)
        }
    }

    @Test("a service with subscribers does not start without its broker")
    func noBroker() async throws {
        let service = makeService { Subscriber("t", handler: ignore) }
        let error = await #expect(throws: StartError.self) { try await service.run() }
        #expect(error?.code == .unknownPlugin)
        #expect(error?.message.contains("No broker is linked") == true)
    }

    @Test("a delivery that the broker doesn't offer, and what no codec decodes, end the start")
    func impossibleSubscribers() async throws {
        let journal = Journal()
        for (subscriber, part) in [
            (Subscriber("t", delivery: .atLeastOnce, handler: ignore), "at least once"),
            (Subscriber("a b", handler: ignore), "space"),
            (Subscriber("t", queue: "*", handler: ignore), "wildcards"),
            (Subscriber("t", concurrency: 0, handler: ignore), "at least 1"),
        ] {
            let service = makeService(
                transport: CapturingTransport(journal), broker: .memory(.init())
            ) { subscriber }
            let error = await #expect(throws: StartError.self) {
                try await service.run()
            }
            #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
        }
        let service = MicroService(
            "t", registry: MemoryRegistry(), transport: CapturingTransport(journal), broker: .memory(.init()),
            plugins: [.memoryTransport], configuration: .test()
        ) { Subscriber("t", handler: ignore) }
        let error = await #expect(throws: StartError.self) { try await service.run() }
        #expect(error?.message.contains("no codec is linked") == true)
        #expect(!journal.lines.contains("listen"))
    }

    @Test("a broker that can't be reached ends the start, and nothing stays open")
    func unreachable() async throws {
        let journal = Journal()
        let service = makeService(
            registry: JournalRegistry(journal), transport: CapturingTransport(journal),
            broker: JournalBroker(subscribeError: MicroError(.unavailable, "Nobody answers."))
        ) { Subscriber("t", handler: ignore) }
        let error = await #expect(throws: StartError.self) { try await service.run() }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("Nobody answers.") == true)
        #expect(journal.lines.contains("shut down"))
        #expect(!journal.lines.contains("register"))
    }

    @Test("a broker that is lost for good stops the service in order")
    func lost() async throws {
        let (journal, gate) = (Journal(), Gate())
        let service = makeService(
            registry: JournalRegistry(journal), transport: CapturingTransport(journal),
            broker: JournalBroker(failingRun: gate)
        ) { hello }
        let error = await #expect(throws: StartError.self) {
            try await service.onReady { running in
                Task.detached { try? await running.publish("t", "x") }
                gate.open()
            }.run()
        }
        #expect(error?.message == "The broker is lost.")
        #expect(journal.lines.contains("deregister"))
        #expect(journal.lines.contains("shut down"))
    }

    @Test("variables choose the broker, and a value in code wins")
    func choice() async throws {
        func run(_ broker: (any Broker)?, _ environment: [String: String]) async throws -> String? {
            let service = MicroService(
                "t", registry: MemoryRegistry(), transport: MemoryTransport(), broker: broker,
                plugins: testPlugins.adding([
                    .memoryBroker, Plugin(.broker, "journal") { _ in JournalBroker() },
                ]), configuration: .test(environment)
            ) { Subscriber("t", handler: ignore) }
            return try await service.withRunning { $0.record.nodes[0].metadata?["broker"] ?? "none" }
        }
        #expect(try await run(nil, [:]) == "memory")
        #expect(try await run(nil, ["MICRO_BROKER": "journal"]) == "journal")
        #expect(try await run(.memory(.init()), ["MICRO_BROKER": "journal"]) == "memory")
    }

    @Test("the registry is told of subscribers as go-micro tells")
    func record() async throws {
        let service = makeService(broker: .memory(.init())) {
            Subscriber("topic.a", handler: ignore)
            Subscriber("topic.b", queue: "q", description: "Reads b.", handler: ignore)
            hello
        }
        try await service.withRunning { running in
            let endpoints = try #require(running.record.endpoints)
            #expect(endpoints.map(\.name) == ["Greeter.Hello", "Func", "Func"])
            #expect(
                endpoints[1].metadata == [
                    "subscriber": "true", "topic": "topic.b", "description": "Reads b.",
                ])
            #expect(endpoints[2].metadata == ["subscriber": "true", "topic": "topic.a"])
            #expect(endpoints[2].request?.name == "Greeting")
            #expect(endpoints[2].request?.values?.map(\.name) == ["message"])
            #expect(endpoints[2].response == nil)
            #expect(running.record.nodes[0].metadata?["broker"] == "memory")
        }
    }
}
