import Logging
import Micro
import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTransportMemory
import ServiceLifecycle
import Testing

@Suite("Starting and stopping a service", .timeLimit(.minutes(2)))
struct LifecycleTests {
    private func makeJournalled(
        _ journal: Journal, registry: JournalRegistry? = nil, environment: [String: String] = [:],
        @ServiceBuilder _ components: () -> [any ServiceComponent] = { [hello] }
    ) -> MicroService {
        makeService(
            registry: registry ?? JournalRegistry(journal), transport: CapturingTransport(journal),
            environment: environment, components)
    }

    @Test("the order of start and stop")
    func order() async throws {
        let journal = Journal()
        try await makeJournalled(journal).withRunning { _ in
            // The registry's task may begin while the service listens already.
            try await eventually("the registry runs") { journal.lines.contains("registry run") }
            journal.add("ready")
        }
        let lines = journal.lines.filter { $0 != "registry run" }
        #expect(
            lines == [
                "registry prepare", "transport prepare", "listen", "register", "ready", "deregister",
                "shutdown",
                "shut down", "registry end",
            ])
    }

    @Test("a ServiceGroup shuts it down gracefully")
    func group() async throws {
        let journal = Journal()
        let registry = MemoryRegistry()
        let service = makeService(registry: registry, transport: CapturingTransport(journal)) { hello }
        let group = ServiceGroup(services: [service], logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await eventually("the registration") { await !registry.lookup("greeter").isEmpty }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(journal.lines.suffix(2) == ["shutdown", "shut down"])
        #expect(await registry.lookup("greeter").isEmpty)
    }

    @Test("a stop before the start leaves nothing behind")
    func earlyStop() async throws {
        let journal = Journal()
        let service = makeJournalled(journal)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.cancelAll()
            group.addTask { try await service.run() }
            try await group.waitForAll()
        }
        #expect(!journal.lines.contains("listen"))
    }

    @Test("a stop while the registry can't be reached does not wait for it")
    func stopWhileRegistering() async throws {
        let journal = Journal()
        let registry = JournalRegistry(journal, failingRegistrations: .max)
        let service = makeJournalled(journal, registry: registry)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            try await eventually("the registration") { journal.lines.contains("register") }
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(journal.lines.contains("shut down"))
    }

    @Test("a registration that fails is tried again, and the service starts nevertheless")
    func registrationFails() async throws {
        let journal = Journal()
        let registry = JournalRegistry(journal, failingRegistrations: 2)
        try await makeJournalled(journal, registry: registry).withRunning { _ in
            #expect(journal.lines.filter { $0 == "register" }.count == 3)
            #expect(await !registry.base.lookup("greeter").isEmpty)
        }
        let hopeless = JournalRegistry(Journal(), failingRegistrations: .max)
        try await makeJournalled(Journal(), registry: hopeless).withRunning { running in
            let reply = try await running.client.hello(options: .address(running.address.description))
            #expect(reply == "Hello, world!")
        }
    }

    @Test("the registration is repeated every interval")
    func heartbeat() async throws {
        let journal = Journal()
        let registry = JournalRegistry(journal)
        let service = makeJournalled(
            journal, registry: registry,
            environment: ["MICRO_REGISTER_TTL": "2", "MICRO_REGISTER_INTERVAL": "1"])
        try await service.withRunning { _ in
            while journal.lines.filter({ $0 == "register" }).count < 3 {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    @Test("calls that run may finish, and new ones are refused meanwhile")
    func drain() async throws {
        let (started, go) = (Gate(), Gate())
        let journal = Journal()
        let service = makeJournalled(journal) {
            Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                started.open()
                await go.wait()
                return HelloReply(message: "late")
            }
        }
        let registry = MemoryRegistry()
        let caller = makeService("caller", registry: registry) {}
        try await caller.withRunning { running in
            let client = running.client
            try await withThrowingTaskGroup(of: String.self) { group in
                try await service.withRunning { target in
                    let address = target.address.description
                    group.addTask { try await client.hello(options: .address(address)) }
                    await started.wait()
                    group.addTask {
                        try await eventually("the shutdown") { journal.lines.contains("shutdown") }
                        var refusal: MicroError?
                        while refusal == nil {
                            do {
                                _ = try await client.hello(
                                    options: CallOptions(
                                        timeout: .milliseconds(50), retry: .never, address: address))
                            } catch let error as MicroError where error.status == .unavailable {
                                refusal = error
                            } catch {}
                        }
                        go.open()
                        return "\(refusal?.processed == .no)"
                    }
                }
                var results: [String] = []
                for try await result in group { results.append(result) }
                #expect(results.sorted() == ["late", "true"])
            }
        }
    }

    @Test("calls that do not finish are cancelled when the limit is over")
    func drainDeadline() async throws {
        let started = Gate()
        let journal = Journal()
        let service = makeJournalled(journal, environment: ["MICRO_SERVER_DRAIN_TIMEOUT": "50ms"]) {
            Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                started.open()
                try? await Task.sleep(for: .seconds(1_000_000))
                journal.add("cancelled \(Task.isCancelled)")
                return HelloReply(message: "never")
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            try await service.withRunning { running in
                let client = running.client
                group.addTask { _ = try? await client.hello() }
                await started.wait()
            }
        }
        #expect(journal.lines.contains("cancelled true"))
    }

    @Test("a handler may still call others while the service drains")
    func callWhileDraining() async throws {
        let started = Gate()
        let journal = Journal()
        let registry = MemoryRegistry()
        let service = makeService(registry: registry, transport: CapturingTransport(journal)) {
            Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                started.open()
                try await eventually("the shutdown") { journal.lines.contains("shutdown") }
                return HelloReply(message: try await context.client.hello(service: "other"))
            }
        }
        let other = makeService("other", registry: registry) { hello }
        try await other.withRunning { running in
            let client = running.client
            let reply = try await withThrowingTaskGroup(of: String.self) { group in
                try await service.withRunning { _ in
                    group.addTask { try await client.hello() }
                    await started.wait()
                }
                return try await group.next()
            }
            #expect(reply == "Hello, world!")
        }
    }

    @Test("a registry that is lost for good stops the service in order, and tells why")
    func registryLost() async throws {
        let journal = Journal()
        let lost = Gate()
        let service = makeJournalled(journal, registry: JournalRegistry(journal, failingRun: lost))
        let error = try await #require(throws: StartError.self) {
            try await service.onReady { _ in lost.open() }.run()
        }
        #expect(error.message == "The directory is lost.")
        #expect(journal.lines.suffix(3) == ["deregister", "shutdown", "shut down"])
    }

    @Test("an address that is taken stops the start and leaves the registry alone")
    func addressTaken() async throws {
        let journal = Journal()
        try await makeService { hello }.withRunning { running in
            let second = makeJournalled(
                journal, environment: ["MICRO_SERVER_ADDRESS": running.address.description])
            let error = try await #require(throws: StartError.self) { try await second.withRunning { _ in } }
            #expect(error.code == .address)
        }
        #expect(!journal.lines.contains("register"))
    }

    @Test("a service runs once")
    func twice() async throws {
        let service = makeService { hello }
        try await service.withRunning { _ in
            await #expect(throws: StartError.self) { try await service.withRunning { _ in } }
        }
    }

    @Test("nothing of a service that has stopped stays in memory")
    func released() async throws {
        weak var registry: JournalRegistry?
        weak var transport: CapturingTransport?
        do {
            let parts = (JournalRegistry(Journal()), CapturingTransport())
            (registry, transport) = parts
            let service = makeService(registry: parts.0, transport: parts.1) { hello }
            try await service.withRunning { running in
                _ = try await running.client.hello()
            }
        }
        // The handler that the test double captured refers to the service, not the other way round.
        transport?.forget()
        #expect(registry == nil)
        #expect(transport == nil)
    }
}
