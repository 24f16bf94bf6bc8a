import MicroPluginKit
import MicroTesting
import Testing

@Suite(.timeLimit(.minutes(1))) struct ManualClockTests {
    private let clock = ManualClock()

    @Test func timeStandsStillUntilItIsAdvanced() async throws {
        let stopwatch = Stopwatch(clock)
        #expect(stopwatch.elapsed == .zero && clock.timeToNextDeadline == nil)
        clock.advance(by: .seconds(3600))
        #expect(stopwatch.elapsed == .seconds(3600))
        // What is due already does not sleep.
        try await clock.sleep(until: clock.now)
        try await clock.sleep(for: .seconds(-1))
    }

    @Test func sleepersWakeAtTheirDeadlinesAndNotBefore() async {
        await withTaskGroup(of: Int.self) { group in
            for seconds in [3, 1, 2] {
                group.addTask { [clock] in
                    try? await clock.sleep(for: .seconds(seconds))
                    return seconds
                }
            }
            await clock.waitForSleepers(3)
            #expect(clock.timeToNextDeadline == .seconds(1))
            clock.advance(by: .milliseconds(999))
            #expect(clock.sleeperCount == 3)
            for seconds in 1...3 {
                await clock.advanceToNextDeadline()
                #expect(await group.next() == seconds)
                #expect(clock.now.offset == .seconds(seconds))
            }
        }
    }

    @Test func aCancelledSleeperWakesAtOnce() async {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { [clock] in
                do {
                    try await clock.sleep(for: .seconds(1))
                    return false
                } catch {
                    return error is CancellationError
                }
            }
            await clock.waitForSleepers()
            group.cancelAll()
            #expect(await group.next() == true)
            #expect(clock.sleeperCount == 0)
        }
    }

    @Test func timeLimitsPassOnIt() async throws {
        async let result: Void? = withTimeLimit(.seconds(30), clock: clock) {
            try await Task.sleep(for: .seconds(3600))
        }
        #expect(await clock.advanceToNextDeadline() == .seconds(30))
        #expect(try await result == nil)
        #expect(await withTimeLimit(.seconds(30), clock: clock) { 1 } == 1)
    }

    @Test func latchesAndConditionsWaitOnIt() async {
        let (latch, condition) = (Latch(), Condition())
        async let isOpen = latch.wait(for: .seconds(5), clock: clock)
        #expect(await clock.advanceToNextDeadline() == .seconds(5))
        #expect(await isOpen == false)
        async let waited: Void = condition.wait(since: condition.generation, for: .seconds(6), clock: clock)
        #expect(await clock.advanceToNextDeadline() == .seconds(6))
        await waited
    }
}
