import Testing

@testable import MicroPluginKit

@Suite("The events that wait for a subscription's workers", .timeLimit(.minutes(2)))
struct EventBufferTests {
    @Test("The oldest make room, in number and in bytes, and one alone may be larger")
    func bounds() {
        var buffer = EventBuffer<Int>(capacity: 3, byteLimit: 100)
        for number in 1...3 { #expect(buffer.append(number, size: 10) == []) }
        #expect(buffer.append(4, size: 10) == [1])
        #expect(buffer.append(5, size: 90) == [2, 3])
        #expect(buffer.append(6, size: 500) == [4, 5])
        #expect(buffer.appendIfThereIsRoom(7, size: 0) == false)
        #expect(buffer.popFirst() == 6)
        #expect(buffer.isEmpty)
        #expect(buffer.appendIfThereIsRoom(8, size: 100) == true)
        #expect(buffer.removeAll() == [8])
        #expect(buffer.appendIfThereIsRoom(9, size: 100) == true)
    }

    @Test("Those who wait for room are admitted in their order, whatever they need")
    func senders() async {
        await withTaskGroup { group in
            var buffer = EventBuffer<Int>(capacity: 2, byteLimit: 100)
            _ = buffer.append(0, size: 60)
            for (number, size) in [(1, 80), (2, 10), (3, 10)] {
                let waiter = await waiter(in: &group)
                buffer.wait(.init(item: number, size: size, waiter: waiter))
            }
            // The second one would find room, and came later.
            #expect(buffer.admit().map(\.item) == [])
            #expect(buffer.appendIfThereIsRoom(4, size: 1) == false)
            #expect(buffer.popFirst() == 0)
            var admitted = buffer.admit()
            #expect(admitted.map(\.item) == [1, 2])
            let left = buffer.removeSenders()
            #expect(left.map(\.item) == [3])
            #expect(buffer.removeSenders().map(\.item) == [])
            admitted += left
            for sender in admitted { sender.waiter.resume(returning: true) }
        }
    }

    /// Makes a task that waits.
    private func waiter(in group: inout TaskGroup<Void>) async -> Waiter<Bool> {
        let (waiters, continuation) = AsyncStream.makeStream(of: Waiter<Bool>.self)
        group.addTask {
            _ = await withWaiter { waiter in
                continuation.yield(waiter)
                return nil
            }
        }
        for await waiter in waiters { return waiter }
        preconditionFailure("The task has ended.")
    }
}
