import MicroCore
import Synchronization
import Testing

@testable import MicroPluginKit

@Suite(.timeLimit(.minutes(1))) struct SubscriptionDrainTests {
    /// Who drains is promised that no handler runs any more, also if his own task is cancelled.
    @Test func aCancelledDrainWaitsForHandlersThatTakeTheirTime() async throws {
        let (entered, left) = (Latch(), Latch())
        let queue = SubscriptionQueue<Int>(SubscriptionOptions(topic: "t")) { _ in
            entered.open()
            // Until it is cancelled, and then a while longer.
            await Latch().wait()
            for _ in 0..<1000 { await Task.yield() }
            left.open()
            return true
        }
        let runner = SubscriptionRunner()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await runner.start(queue)
            queue.offer(1)
            await entered.wait()
            let hasLeft = await withTaskGroup(of: Bool.self) { drain in
                drain.addTask {
                    await queue.drain(deadline: .now + .seconds(60))
                    return left.isOpen
                }
                drain.cancelAll()
                return await drain.next()
            }
            #expect(hasLeft == true)
            group.cancelAll()
        }
    }

    /// A handler that ends its own subscription can't wait for itself, whoever else has been cancelled.
    @Test(arguments: [false, true]) func aHandlerMayDrainItsOwnQueue(isCancelled: Bool) async throws {
        let (entered, left) = (Latch(), Latch())
        let held = Mutex<SubscriptionQueue<Int>?>(nil)
        let queue = SubscriptionQueue<Int>(SubscriptionOptions(topic: "t")) { _ in
            entered.open()
            if isCancelled { await Latch().wait() }
            let own = held.withLock(\.self)
            // Also from a task of its own.
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await own?.drain(deadline: .now) }
            }
            left.open()
            return true
        }
        held.withLock { $0 = queue }
        let runner = SubscriptionRunner()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await runner.start(queue)
            queue.offer(1)
            await entered.wait()
            if isCancelled { group.cancelAll() }
            await left.waitIgnoringCancellation()
            group.cancelAll()
        }
        held.withLock { $0 = nil }
    }
}
