import Logging
import MicroCore
import Testing

@testable import MicroCommands

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
