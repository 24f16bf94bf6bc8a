import MicroCore
import MicroEtcd
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct TurnsTests {
    /// The turns in the order in which they were taken.
    private final class Taken: Sendable {
        private let numbers = Mutex<[Int]>([])

        var all: [Int] { numbers.withLock { $0 } }
        func add(_ number: Int) { numbers.withLock { $0.append(number) } }
    }

    @Test func oneAfterTheOtherAndCancelledInBetween() async throws {
        let turns = Turns<Int>()
        let inside = Alarm()
        let release = Alarm()
        let taken = Taken()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await turns.take(1) { () async throws(MicroError) in
                    inside.ring()
                    await release.wait(until: nil, since: 0)
                    taken.add(1)
                }
            }
            await inside.wait(until: nil, since: 0)
            // Another key doesn't wait, and who waits can give up.
            let two = try await turns.take(2) { () async throws(MicroError) in 2 }
            #expect(two == 2)
            await withTaskGroup(of: Bool.self) { inner in
                inner.addTask {
                    do throws(MicroError) {
                        return try await turns.take(1) { () async throws(MicroError) in false }
                    } catch {
                        return error.rpcStatus == .cancelled
                    }
                }
                inner.cancelAll()
                #expect(await inner.next() == true)
            }
            group.addTask {
                try await turns.take(1) { () async throws(MicroError) in taken.add(3) }
            }
            release.ring()
            try await group.waitForAll()
        }
        #expect(taken.all == [1, 3])
    }

    @Test func pausesGrowUpToABound() {
        var pauses = Pauses(first: .milliseconds(100), longest: .seconds(1))
        let taken = (0..<100).map { _ in pauses.next() }
        #expect(taken[0] <= .milliseconds(125) && taken.allSatisfy { $0 <= .milliseconds(1250) })
        #expect(taken[99] >= .milliseconds(750))
        pauses.reset()
        #expect(pauses.next() <= .milliseconds(125))
    }
}
