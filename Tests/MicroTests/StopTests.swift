import InMemoryLogging
import Logging
import Micro
import MicroCore
import MicroPluginKit
import MicroRegistryMemory
import MicroTestSupport
import Testing

@Suite("Stopping a service that does not want to", .timeLimit(.minutes(1)))
struct StopTests {
    @Test("a second signal cuts every wait short: for the registry, for its clients, and for calls")
    func secondSignal() async throws {
        await #expect(processExitsWith: .success) {
            let journal = Journal()
            let started = Gate()
            let service = makeService(
                transport: CapturingTransport(journal),
                environment: ["MICRO_SERVER_DRAIN_TIMEOUT": "1h", "MICRO_SERVER_DEREGISTRATION_DELAY": "60s"]
            ) {
                Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                    started.open()
                    try? await Task.sleep(for: .seconds(1_000_000))
                    journal.add("cancelled \(Task.isCancelled)")
                    return HelloReply(message: "never")
                }
            }
            let log = InMemoryLogHandler()
            await withLogger(Logger(label: "test") { _ in log }) { _ in
                await service.onReady { running in
                    let client = running.client
                    Task { try? await client.hello() }
                    Task {
                        await started.wait()
                        raiseTermination()
                        try await eventually("it waits for its clients") {
                            log.entries.contains { "\($0.message)".contains("to see the deregistration") }
                        }
                        raiseTermination()
                    }
                }.main()
            }
            #expect(journal.lines.contains("cancelled true"))
            let messages = log.entries.map { "\($0.message)" }
            #expect(messages.contains("A second signal forces the stop: nothing more is waited for."))
            #expect(messages.last == "Service stopped.")
        }
    }

    @Test("the log says what is waited for, how long at most, and that it has ended")
    func told() async throws {
        let log = InMemoryLogHandler()
        try await withLogger(Logger(label: "test") { _ in log }) { _ in
            let service = makeService(environment: ["MICRO_SERVER_DRAIN_TIMEOUT": "7s"]) { hello }
            try await service.withRunning { _ in }
        }
        let stopping = log.entries.drop { !"\($0.message)".hasPrefix("Service stopping") }
        #expect(
            stopping.map { "\($0.message)" } == [
                "Service stopping: deregistering.",
                "Draining: new calls are refused, running calls and events may end.",
                "Service stopped.",
            ])
        #expect(stopping.map { $0.metadata["micro.limit"] } == ["5.0 s", "7.0 s", nil])
        #expect(stopping.last?.metadata["micro.duration"] != nil)
    }

    @Test("a service that has not reached its registry does not wait for it at the end")
    func unregistered() async throws {
        let registry = SilentRegistry()
        let service = makeService(registry: registry) { hello }
        let begin = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            await registry.isAsked.wait()
            let begin = ContinuousClock.now
            group.cancelAll()
            try await group.waitForAll()
            return begin
        }
        // It would be five seconds and more.
        #expect(.now - begin < .seconds(3))
    }
}

/// A registry that answers nothing.
private final class SilentRegistry: Registry {
    let isAsked = Gate()

    var name: String { "silent" }

    private func hang() async throws {
        isAsked.open()
        try await Task.sleep(for: .seconds(1_000_000))
    }

    func register(_ record: ServiceRecord, timeToLive: Duration?) async throws { try await hang() }
    func deregister(_ record: ServiceRecord) async throws { try await hang() }
    func lookup(_ service: String) async throws -> [ServiceRecord] { [] }
    func services() async throws -> [String] { [] }
    func watch(_ service: String?) -> RegistryChanges { RegistryDirectory(isSynced: true).watch(service) }
}
