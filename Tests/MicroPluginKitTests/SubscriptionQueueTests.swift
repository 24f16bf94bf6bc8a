import MicroCore
import MicroPluginKit
import MicroTestSupport
import Synchronization
import Testing

/// The bounds of what waits for a subscription's handler.
@Suite(.timeLimit(.minutes(1))) struct SubscriptionQueueTests {
    /// Numbers in the order in which they came.
    private final class Numbers: Sendable {
        private let numbers = Mutex<[Int]>([])

        var all: [Int] { numbers.withLock { $0 } }
        func add(_ number: Int) { numbers.withLock { $0.append(number) } }
    }

    private let handled = Numbers()
    private let discarded = Numbers()

    /// A queue in which each event is a number, and as large as it says.
    private func queue(bufferSize: Int = 100, byteLimit: Int) -> SubscriptionQueue<Int> {
        SubscriptionQueue(
            .init(topic: "t", bufferSize: bufferSize), byteLimit: byteLimit, size: { $0 },
            discard: { [discarded] in discarded.add($0) }
        ) { [handled] number in
            handled.add(number)
            return true
        }
    }

    /// Has what waits handled.
    private func runToItsEnd(_ queue: SubscriptionQueue<Int>) async throws {
        let runner = SubscriptionRunner()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await runner.start(queue)
            await queue.drain(deadline: .now + .seconds(30))
            group.cancelAll()
        }
    }

    @Test func theOldestAreDroppedUntilTheNewestHasRoom() async throws {
        let queue = queue(byteLimit: 10)
        for number in [4, 5, 1] { queue.offer(number) }
        #expect(queue.dropped == 0)
        queue.offer(6)
        #expect(discarded.all == [4, 5])
        #expect(queue.dropped == 2)
        try await runToItsEnd(queue)
        #expect(handled.all == [1, 6])
        #expect(queue.dropped == 2)
    }

    @Test func anEventThatIsLargerThanTheLimitWaitsAlone() async throws {
        let queue = queue(byteLimit: 10)
        for number in [3, 100] { queue.offer(number) }
        #expect(discarded.all == [3])
        queue.offer(2)
        #expect(discarded.all == [3, 100])
        try await runToItsEnd(queue)
        #expect(handled.all == [2])
    }

    @Test func whatWasHandledMakesRoom() async throws {
        let queue = queue(byteLimit: 10)
        let runner = SubscriptionRunner()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await runner.start(queue)
            for round in 1...100 {
                #expect(await queue.submit(9))
                try await eventually("round \(round)") { handled.all.count >= round }
            }
            group.cancelAll()
        }
        #expect(queue.dropped == 0)
    }

    @Test func sendersWaitForRoomAndKeepTheirOrder() async throws {
        let queue = queue(byteLimit: 10)
        #expect(await queue.submit(6))
        // Each begins to wait before the next one comes; the small ones have to wait for the large one.
        let senders = [7, 1, 2, 20, 3].map { number in Task.immediate { await queue.submit(number) } }
        let runner = SubscriptionRunner()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await runner.start(queue)
            for sender in senders { #expect(await sender.value) }
            await queue.drain(deadline: .now + .seconds(30))
            group.cancelAll()
        }
        #expect(handled.all == [6, 7, 1, 2, 20, 3])
        #expect(discarded.all.isEmpty)
    }

    @Test func aSenderThatGivesUpMakesWayForTheNext() async throws {
        let queue = queue(byteLimit: 10)
        #expect(await queue.submit(6))
        let first = Task.immediate { await queue.submit(7) }
        let second = Task.immediate { await queue.submit(3) }
        first.cancel()
        #expect(await first.value == false)
        // Nothing is handled meanwhile.
        #expect(await second.value)
        try await runToItsEnd(queue)
        #expect(handled.all == [6, 3])
    }
}
