import Logging
import Micro
import MicroCore
import MicroPluginKit
import Testing

@testable import MicroCommands

/// A registry that has not heard of all services yet, and warns its callers, as that of mDNS does.
private struct DoubtfulRegistry: Registry {
    let name = "doubtful"

    func register(_ record: ServiceRecord, timeToLive: Duration?) async throws {}
    func deregister(_ record: ServiceRecord) async throws {}
    func lookup(_ service: String) async throws -> [ServiceRecord] { [] }
    func services() async throws -> [String] {
        Logger.current.warning("There may be more.")
        return ["greeter"]
    }
    func watch(_ service: String?) -> RegistryChanges { RegistryDirectory(isSynced: true).watch(service) }
}

/// A warning that is meant for the caller reaches the user, whose log is off.
@Suite(.timeLimit(.minutes(2))) struct CallerWarningsTests {
    @Test func warningsOfTheTaskAreCollected() async throws {
        let (value, warnings) = try await CallerWarnings.collected {
            Logger.current.info("nothing of interest")
            Logger.current.warning("The list of services may be incomplete.")
            // A part works in tasks of its own, too.
            await withDiscardingTaskGroup { group in
                group.addTask { Logger.current.error("two\nlines") }
            }
            return 1
        }
        #expect(value == 1)
        #expect(warnings == ["The list of services may be incomplete.", "two\\u{A}lines"])
    }

    @Test func whatARegistryWarnsOfComesThroughTheClient() async throws {
        let client = MicroClient(
            registry: DoubtfulRegistry(), configuration: ConfigurationSources(arguments: []))
        try await withMicroClient(client) { client in
            let (names, warnings) = try await CallerWarnings.collected { try await client.services() }
            #expect(names == ["greeter"])
            #expect(warnings == ["There may be more."])
        }
    }

    @Test func theyAreBounded() async throws {
        let (_, warnings) = try await CallerWarnings.collected {
            for number in 0..<100 { Logger.current.warning("\(number)") }
        }
        #expect(warnings.count == 10)
        #expect(warnings.first == "0")
    }

    @Test func aFailureIsPassedOn() async {
        await #expect(throws: CancellationError.self) {
            try await CallerWarnings.collected { throw CancellationError() }
        }
    }
}
