import Logging
import Micro
import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTransportMemory
import ServiceLifecycle
import Testing

@Suite("A service and a client among the services of a group", .timeLimit(.minutes(2)))
struct ServiceGroupTests {
    /// Somebody else's service, such as a database or a web server.
    private struct Other: Service {
        let name: String
        let journal: Journal

        func run() async throws {
            journal.add("\(name) begins")
            try await gracefulShutdown()
            journal.add("\(name) ends")
        }
    }

    @Test("they end in reverse: the service lets its calls end while what stands before it still works")
    func order() async throws {
        let (journal, started, go) = (Journal(), Gate(), Gate())
        let registry = MemoryRegistry()
        let backend = makeService("backend", registry: registry) { hello }
        let client = MicroClient(
            registry: registry, transports: [MemoryTransport()], plugins: testPlugins, configuration: .test())
        let service = makeService("front", registry: registry) {
            Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                started.open()
                await go.wait()
                // By the client that the group runs, which is stopped only after this service.
                let reply = try await client.call(
                    "backend", "Greeter.Hello", request, returning: HelloReply.self)
                journal.add("call ends")
                return reply
            }
        }
        .onStart { _ in journal.add("start") }
        .onReady { running in
            journal.add("ready")
            let own = running.client
            Task {
                let reply = try? await own.call(
                    "front", "Greeter.Hello", HelloRequest(name: "x"), returning: HelloReply.self)
                journal.add("reply \(reply?.message ?? "")")
            }
            await started.wait()
            journal.add("called")
        }
        .onStop { _ in journal.add("stop") }
        let group = ServiceGroup(
            services: [
                Other(name: "database", journal: journal), backend, client, service,
                Other(name: "web", journal: journal),
            ], logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            await journal.wait(for: "called")
            try await eventually("the other service is there") {
                await registry.services().contains("backend")
            }
            await group.triggerGracefulShutdown()
            await journal.wait(for: "web ends")
            go.open()
            try await tasks.waitForAll()
        }
        let lines = journal.lines.filter { !$0.hasSuffix("begins") }
        #expect(Array(lines.prefix(3)) == ["start", "ready", "called"])
        #expect(
            lines.dropFirst(3).filter { !$0.hasPrefix("reply") }
                == ["web ends", "call ends", "stop", "database ends"])
        #expect(lines.contains("reply Hello, x!"))
        #expect(await registry.services().isEmpty)
    }

    @Test("another service that fails ends them in order")
    func failure() async throws {
        struct Broken: Service {
            struct Failure: Error {}
            let gate: Gate

            func run() async throws {
                await gate.wait()
                throw Failure()
            }
        }
        let (journal, gate) = (Journal(), Gate())
        let registry = MemoryRegistry()
        let service = makeService(registry: registry) { hello }
            .onReady { _ in gate.open() }.onStop { _ in journal.add("stop") }
        var broken = ServiceGroupConfiguration.ServiceConfiguration(service: Broken(gate: gate))
        broken.failureTerminationBehavior = .gracefullyShutdownGroup
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: service), broken], logger: Logger(label: "test")))
        await #expect(throws: Broken.Failure.self) { try await group.run() }
        #expect(journal.lines == ["stop"])
        #expect(await registry.lookup("greeter").isEmpty)
    }
}
