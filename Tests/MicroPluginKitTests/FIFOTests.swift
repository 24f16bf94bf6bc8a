import Testing

@testable import MicroPluginKit

@Suite(.timeLimit(.minutes(2))) struct FIFOTests {
    @Test func whatCameFirstGoesFirst() {
        var queue = FIFO<Int>()
        #expect(queue.isEmpty && queue.popFirst() == nil)
        for number in 0..<10 { queue.append(number) }
        #expect((0..<4).map { _ in queue.popFirst() } == [0, 1, 2, 3])
        queue.removeAll { $0 % 2 == 0 }
        queue.append(10)
        #expect(queue.count == 4 && queue.popFirst() == 5)
        #expect(queue.removeAll() == [7, 9, 10])
        #expect(queue.isEmpty && queue.count == 0)
    }

    @Test func aQueueThatIsNeverEmptyDoesNotGrow() {
        var queue = FIFO<Int>()
        for number in 0..<5 { queue.append(number) }
        for number in 5..<5000 {
            queue.append(number)
            #expect(queue.popFirst() == number - 5)
        }
        #expect(queue.storedCount < 50)
    }
}
