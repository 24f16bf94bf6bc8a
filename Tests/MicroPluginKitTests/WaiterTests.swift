import MicroPluginKit
import MicroTestSupport
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct WaiterTests {
    private final class Table: Sendable {
        let waiters = Mutex(WaiterTable<Int>())

        var isEmpty: Bool { waiters.withLock(\.isEmpty) }

        func wait() async -> Int {
            await withWaiter(cancelled: -1) { waiter in
                waiters.withLock { $0.insert(waiter) }
                return nil
            } remove: { id in
                waiters.withLock { $0.remove(id) }
            }
        }

        func resumeAll(returning outcome: Int) {
            let all = waiters.withLock { $0.removeAll() }
            all.resumeAll(returning: outcome)
        }
    }

    @Test func thoseWhoWaitedLongestComeFirst() async throws {
        let table = Table()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<20 {
                group.addTask { await table.wait() }
                try await eventually("waiter \(number)") { table.waiters.withLock(\.count) > number }
            }
            let all = table.waiters.withLock { $0.removeAll() }
            #expect(all.map(\.id) == all.map(\.id).sorted())
            #expect(table.isEmpty)
            all.resumeAll(returning: 1)
            #expect(try await group.reduce(0, +) == 20)
        }
    }

    @Test func thereIsNoNeedToWaitForWhatIsThere() async {
        #expect(
            await withWaiter(cancelled: -1) { (_: Waiter<Int>) in
                7
            } remove: { _ in
                nil
            } == 7)
        #expect(await withWaiter { (_: Waiter<Int>) in 8 } == 8)
    }

    @Test func aTaskThatWasCancelledBeforeDoesNotWait() async {
        let table = Table()
        let outcome = await withTaskGroup(of: Int.self) { group in
            group.cancelAll()
            group.addTask { await table.wait() }
            return await group.next()
        }
        #expect(outcome == -1)
        #expect(table.isEmpty)
    }

    /// Resumed and cancelled in the same moment: each waiter is resumed once, and no side waits for the other.
    @Test func resumingAndCancellingAtOnce() async {
        let table = Table()
        for round in 0..<5000 {
            let task = Task { await table.wait() }
            if round % 2 == 0 { await Task.yield() }
            async let resumed: Void = table.resumeAll(returning: round)
            async let cancelled: Void = task.cancel()
            _ = await (resumed, cancelled)
            let outcome = await task.value
            #expect(outcome == -1 || outcome == round)
            #expect(table.isEmpty)
        }
    }
}
