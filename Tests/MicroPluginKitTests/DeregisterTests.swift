import MicroCore
import MicroPluginKit
import Testing

/// Leaving a registry within a limit.
@Suite(.timeLimit(.minutes(1))) struct DeregisterTests {
    /// A registry that does one thing when a service leaves.
    private struct StubRegistry: Registry {
        let leave: @Sendable () async throws -> Void

        var name: String { "stub" }

        func prepare(_ context: PluginContext) {}
        func register(_ record: ServiceRecord, timeToLive: Duration?) async throws {}
        func deregister(_ record: ServiceRecord) async throws { try await leave() }
        func lookup(_ service: String) async throws -> [ServiceRecord] { [] }
        func services() async throws -> [String] { [] }
        func watch(_ service: String?) -> RegistryChanges { RegistryDirectory(isSynced: true).watch(service) }
        func run() async throws {}
    }

    private let record = ServiceRecord(name: "greeter", version: "1")

    @Test func aRegistryThatDoesNotAnswerIsNotWaitedFor() async throws {
        let registry = StubRegistry { try await Task.sleep(for: .seconds(1000)) }
        let error = await #expect(throws: MicroError.self) {
            try await registry.deregister(record, within: .milliseconds(20))
        }
        #expect(error?.status == .deadlineExceeded)
    }

    @Test func whatTheRegistrySaysIsPassedOn() async throws {
        try await StubRegistry {}.deregister(record, within: .seconds(1000))
        let registry = StubRegistry { throw MicroError(.unavailable, "away") }
        let error = await #expect(throws: MicroError.self) {
            try await registry.deregister(record, within: .seconds(1000))
        }
        #expect(error?.detail == "away")
    }

    /// A registry that was told, if late or by a task that was cancelled, was told.
    @Test func whatIsDoneIsDone() async throws {
        let registry = StubRegistry { try? await Task.sleep(for: .seconds(1000)) }
        try await registry.deregister(record, within: .milliseconds(20))
        let record = record
        let task = Task { try await registry.deregister(record, within: .seconds(1000)) }
        task.cancel()
        try await task.value
    }
}
