import MicroPluginKit
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct LatchTests {
    @Test func everyoneGoesOnOnceItIsOpen() async throws {
        let latch = Latch()
        #expect(!latch.isOpen)
        await withTaskGroup { group in
            for _ in 0..<10 { group.addTask { await latch.wait() } }
            group.addTask { await latch.waitIgnoringCancellation() }
            group.addTask { #expect(await latch.wait(until: .now + .seconds(1000))) }
            latch.open()
            latch.open()
        }
        #expect(latch.isOpen)
        try await latch.waitUnlessCancelled()
        #expect(await latch.wait(until: .now - .seconds(1)))
    }

    @Test func aDeadlineAndACancellationEndTheWait() async {
        let latch = Latch()
        #expect(await latch.wait(until: .now + .milliseconds(10)) == false)
        await withTaskGroup { group in
            group.addTask { await latch.wait() }
            group.addTask { #expect(await latch.wait(until: .now + .seconds(1000)) == false) }
            group.addTask {
                await #expect(throws: CancellationError.self) { try await latch.waitUnlessCancelled() }
            }
            group.cancelAll()
        }
    }

    @Test func anEndIsForcedOnceAtTheDeadline() async {
        let latch = Latch()
        let forced = Mutex(0)
        await latch.wait(until: .now + .milliseconds(10)) {
            forced.withLock { $0 += 1 }
            latch.open()
        }
        await latch.wait(until: .now + .milliseconds(10)) { forced.withLock { $0 += 1 } }
        let count = forced.withLock(\.self)
        #expect(count == 1)
    }

    @Test func anEndIsForcedWhenTheTaskIsCancelled() async {
        let (latch, forced) = (Latch(), Latch())
        await withTaskGroup { group in
            group.addTask {
                await latch.wait(until: .now + .seconds(1000)) { forced.open() }
                #expect(latch.isOpen)
            }
            group.cancelAll()
            await forced.waitIgnoringCancellation()
            latch.open()
        }
    }

    @Test func workRunsUntilItIsOpen() async throws {
        let (latch, cancelled) = (Latch(), Latch())
        #expect(try await latch.runUntilOpen { 5 } == 5)
        await withTaskGroup { group in
            group.addTask {
                await #expect(throws: CancellationError.self) {
                    try await latch.runUntilOpen {
                        defer { cancelled.open() }
                        try await Latch().waitUnlessCancelled()
                    }
                }
            }
            latch.open()
        }
        #expect(cancelled.isOpen)
    }
}

@Suite(.timeLimit(.minutes(1))) struct ConditionTests {
    private final class Number: Sendable { let value = Atomic<Int>(0) }

    @Test func noNotificationIsMissed() async {
        let condition = Condition()
        let number = Number()
        await withTaskGroup { group in
            group.addTask {
                while true {
                    let generation = condition.generation
                    if number.value.load(ordering: .acquiring) == 1000 { return }
                    await condition.wait(since: generation)
                }
            }
            for _ in 0..<1000 {
                number.value.add(1, ordering: .acquiringAndReleasing)
                condition.notifyAll()
            }
        }
        #expect(condition.generation == 1000)
    }

    @Test func whatIsNotAwaitedForLongEnds() async {
        let condition = Condition()
        await condition.wait(since: 0, until: .now + .milliseconds(10))
        await condition.wait(since: -1)
        await withTaskGroup { group in
            group.addTask { await condition.wait(since: 0) }
            group.addTask { await condition.wait(since: 0, until: .now + .seconds(1000)) }
            group.cancelAll()
        }
    }
}
