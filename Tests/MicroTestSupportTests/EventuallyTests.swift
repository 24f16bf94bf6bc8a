import MicroTestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct EventuallyTests {
    @Test func returnsWhatIsThere() async throws {
        var looks = 0
        let value: Int = try await eventually("a value") {
            looks += 1
            return looks < 5 ? nil : looks
        }
        #expect(value == 5)
    }

    @Test func asksUntilTheConditionHolds() async throws {
        var questions = 0
        try await eventually("the third question") {
            questions += 1
            return questions == 3
        }
        #expect(questions == 3)
    }

    @Test func givesUpAndSaysWhatItWaitedFor() async throws {
        let error = try await #require(throws: TestSupportError.self) {
            try await eventually("the impossible", within: .milliseconds(30)) { false }
        }
        #expect(error.description.contains("the impossible"))
    }

    @Test func endsWhenItsTaskIsCancelled() async throws {
        let task = Task { try await eventually("the impossible", within: .seconds(3600)) { false } }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func passesErrorsOn() async {
        struct Broken: Error {}
        await #expect(throws: Broken.self) {
            try await eventually("nothing") { () -> Bool in throw Broken() }
        }
    }
}
