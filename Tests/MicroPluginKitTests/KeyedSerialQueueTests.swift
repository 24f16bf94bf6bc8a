import MicroCore
import MicroPluginKit
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct KeyedSerialQueueTests {
    /// The turns in the order in which they were taken.
    private final class Taken: Sendable {
        private let numbers = Mutex<[Int]>([])

        var all: [Int] { numbers.withLock { $0 } }
        func add(_ number: Int) { numbers.withLock { $0.append(number) } }
    }

    private static let cancelled = MicroError(.cancelled, "The task was cancelled.")

    @Test func oneAfterTheOtherAndCancelledInBetween() async throws {
        let turns = KeyedSerialQueue<Int>()
        let inside = Latch()
        let release = Latch()
        let taken = Taken()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await turns.run(1, cancelled: Self.cancelled) { () async throws(MicroError) in
                    inside.open()
                    await release.wait()
                    taken.add(1)
                }
            }
            await inside.wait()
            // Another key doesn't wait, and who waits can give up.
            let two = try await turns.run(2, cancelled: Self.cancelled) { () async throws(MicroError) in 2 }
            #expect(two == 2)
            await withTaskGroup(of: Bool.self) { inner in
                inner.addTask {
                    do throws(MicroError) {
                        return try await turns.run(1, cancelled: Self.cancelled) {
                            () async throws(MicroError) in false
                        }
                    } catch {
                        return error.status == .cancelled
                    }
                }
                inner.cancelAll()
                #expect(await inner.next() == true)
            }
            group.addTask {
                try await turns.run(1, cancelled: Self.cancelled) { () async throws(MicroError) in
                    taken.add(3)
                }
            }
            release.open()
            try await group.waitForAll()
        }
        #expect(taken.all == [1, 3])
    }
}
