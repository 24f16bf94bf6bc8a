import MicroCore
import MicroPluginKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct DeadlineTests {
    private static let failure = MicroError(.internal, "It failed.")

    @Test func whatEndsInTimeIsPassedOn() async throws {
        #expect(await withTimeLimit(.seconds(1000)) { 5 } == 5)
        await #expect(throws: Self.failure) {
            try await withTimeLimit(.seconds(1000)) { () async throws(MicroError) in throw Self.failure }
        }
    }

    @Test func workIsCancelledAtTheDeadline() async throws {
        let cancelled = Latch()
        let answer: Void? = try await withTimeLimit(.milliseconds(10)) {
            defer { cancelled.open() }
            try await Latch().waitUnlessCancelled()
        }
        #expect(answer == nil && cancelled.isOpen)
        #expect(
            await withDeadline(.now - .seconds(1)) { await Latch().wait() } != nil, "it ended without error")
    }

    @Test func whatWasDoneJustTooLateIsDone() async {
        let late = await withTimeLimit(.milliseconds(10)) {
            await Latch().wait()
            return 7
        }
        #expect(late == 7)
    }

    @Test func theCallersCancellationIsNoDeadline() async {
        await withTaskGroup { group in
            group.addTask {
                await #expect(throws: CancellationError.self) {
                    try await withTimeLimit(.seconds(1000)) { try await Latch().waitUnlessCancelled() }
                }
            }
            group.cancelAll()
        }
    }
}
