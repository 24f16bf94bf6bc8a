import Logging
import Micro
import MicroBrokerMemory
import MicroCore
import MicroPluginKit
import MicroTestSupport
import ServiceLifecycle
import Testing

/// A service beside another one, that tells when it begins and ends.
private struct Companion: Service {
    let name: String
    let journal: Journal
    var failure: (gate: Gate, error: any Error)?

    func run() async throws {
        journal.add("\(name) begins")
        if let failure {
            await failure.gate.wait()
            throw failure.error
        }
        try await gracefulShutdown()
        journal.add("\(name) ends")
    }
}

private struct Broken: Error, Equatable {}

@Suite("What runs around a service", .timeLimit(.minutes(2)))
struct ServiceHookTests {
    private func makeJournalled(
        _ journal: Journal, services: [any Service] = [], endpoint: Endpoint = hello
    ) -> MicroService {
        MicroService(
            "greeter", registry: JournalRegistry(journal), transport: CapturingTransport(journal),
            plugins: testPlugins, services: services, configuration: .test()
        ) { endpoint }
        .onStart { _ in journal.add("start 1") }
        .onStart { _ in journal.add("start 2") }
        .onReady { _ in journal.add("ready") }
        .onStop { _ in journal.add("stop 1") }
        .onStop { _ in journal.add("stop 2") }
    }

    private let notes: Set = ["registry run", "registry prepare", "transport prepare", "watch"]

    @Test("hooks and services run in their order, and in reverse")
    func order() async throws {
        let journal = Journal()
        let services = ["pool", "cache"].map { Companion(name: $0, journal: journal) }
        try await makeJournalled(journal, services: services).withRunning { _ in journal.add("body") }
        let lines = journal.lines.filter { !notes.contains($0) }
        // The services' functions were called before the start; what they do then is up to them.
        #expect(Set(lines.filter { $0.hasSuffix("begins") }) == ["pool begins", "cache begins"])
        #expect(
            lines.filter { !$0.hasSuffix("begins") } == [
                "start 1", "start 2", "listen", "register", "ready", "body", "deregister", "shutdown",
                "shut down", "stop 2",
                "stop 1", "cache ends", "pool ends", "registry end",
            ])
    }

    @Test("a group's shutdown reaches the services beside it only after the calls have ended")
    func shutdownOfAGroup() async throws {
        let (journal, started, go) = (Journal(), Gate(), Gate())
        let service = makeJournalled(
            journal, services: [Companion(name: "pool", journal: journal)],
            endpoint: Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                started.open()
                await go.wait()
                journal.add("call ends")
                return HelloReply(message: "late")
            }
        ).onReady { running in
            let client = running.client
            Task { try? await client.hello() }
            await started.wait()
            journal.add("called")
        }
        let group = ServiceGroup(services: [service], logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            await journal.wait(for: "called")
            await group.triggerGracefulShutdown()
            await journal.wait(for: "shutdown")
            go.open()
            try await tasks.waitForAll()
        }
        let ends = journal.lines.filter { ["call ends", "stop 1", "pool ends"].contains($0) }
        #expect(ends == ["call ends", "stop 1", "pool ends"])
    }

    @Test("hooks use the client, parts and the broker")
    func context() async throws {
        let journal = Journal()
        let service = makeService(broker: .memory(.init())) {
            hello
            Subscriber("ends") { (event: Number, _) in journal.add("event \(event.value)") }
        }
        .onReady { running in
            journal.add(try await running.client.hello("hook"))
            try await running.publish("ends", Number(value: 1))
            await journal.wait(for: 2)
        }
        .onStop { context in
            journal.add("\(context.identity.name) \(try context.part(.registry).name)")
        }
        try await service.withRunning { _ in }
        #expect(journal.lines == ["Hello, hook!", "event 1", "greeter memory"])
    }

    @Test("an onStart hook that throws ends the start, and what was begun is ended")
    func startFails() async throws {
        let journal = Journal()
        let service = makeJournalled(journal, services: [Companion(name: "pool", journal: journal)])
            .onStart { _ in throw Broken() }
            .onStart { _ in journal.add("never") }
        await #expect(throws: Broken()) { try await service.run() }
        let lines = journal.lines.filter { !notes.contains($0) && $0 != "pool begins" }
        #expect(lines == ["start 1", "start 2", "stop 2", "stop 1", "pool ends", "registry end"])
    }

    @Test("an onReady hook that throws stops the service in order")
    func readyFails() async throws {
        let journal = Journal()
        let service = makeJournalled(journal).onReady { _ in throw Broken() }
        await #expect(throws: Broken()) { try await service.run() }
        let lines = journal.lines.filter { !notes.contains($0) }
        #expect(
            lines.dropFirst(3) == [
                "register", "ready", "deregister", "shutdown", "shut down", "stop 2", "stop 1",
                "registry end",
            ])
    }

    @Test("an onReady hook that goes on ends with the service, which is registered meanwhile")
    func longHook() async throws {
        let journal = Journal()
        let service = makeService(
            registry: JournalRegistry(journal),
            environment: ["MICRO_REGISTER_TTL": "2", "MICRO_REGISTER_INTERVAL": "1"]
        ) { hello }
        .onReady { _ in
            do { try await Task.sleep(for: .seconds(1_000_000)) } catch { journal.add("cancelled") }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            try await eventually("a second registration") {
                journal.lines.filter { $0 == "register" }.count > 1
            }
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(journal.lines.contains("cancelled"))
        #expect(journal.lines.contains("deregister"))
    }

    @Test("an onStop hook that throws keeps no other one from running")
    func stopFails() async throws {
        let journal = Journal()
        let service = makeJournalled(journal).onStop { _ in throw Broken() }
        await #expect(throws: Broken()) { try await service.withRunning { _ in } }
        #expect(journal.lines.filter { $0.hasPrefix("stop") } == ["stop 2", "stop 1"])
    }

    @Test("a service beside that fails stops the service in order, and is the reason")
    func companionFails() async throws {
        let (journal, gate) = (Journal(), Gate())
        let broken = Companion(name: "pool", journal: journal, failure: (gate, Broken()))
        let service = makeJournalled(
            journal, services: [broken, Companion(name: "cache", journal: journal)]
        ).onReady { _ in gate.open() }
        await #expect(throws: Broken()) { try await service.run() }
        let lines = journal.lines.filter { !notes.contains($0) }
        #expect(
            lines.suffix(7) == [
                "deregister", "shutdown", "shut down", "stop 2", "stop 1", "cache ends", "registry end",
            ])
    }

    @Test("a service beside that ends early is named")
    func companionEnds() async throws {
        struct Brief: Service {
            func run() async throws {}
        }
        let error = await #expect(throws: StartError.self) {
            try await makeJournalled(Journal(), services: [Brief()]).run()
        }
        #expect(error?.message == "Brief, which runs beside the service, has ended before it was told to.")
    }
}
