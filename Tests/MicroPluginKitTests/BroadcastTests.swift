import Testing

@testable import MicroPluginKit

@Suite(.timeLimit(.minutes(2))) struct BroadcastTests {
    @Test func tellsEveryListenerWhatFollows() async {
        let broadcast = Broadcast<Int, String>(1)
        let first = broadcast.listen(limit: 8) { "\($0)" }
        broadcast.send("two") { $0 = 2 }
        let second = broadcast.listen(limit: 8)
        broadcast.send("three") { $0 = 3 }
        broadcast.finish()

        #expect(await first.reduce(into: []) { $0.append($1) } == ["1", "two", "three"])
        #expect(await second.reduce(into: []) { $0.append($1) } == ["three"])
        #expect(await broadcast.listen(limit: 8).reduce(into: []) { $0.append($1) } == [])
        #expect(broadcast.value == 3)
    }

    @Test func forgetsTheOldestForASlowReader() async {
        let broadcast = Broadcast<Void, Int>(())
        let slow = broadcast.listen(limit: 2)
        for number in 1...5 { broadcast.send(number) { _ in } }
        broadcast.finish()
        #expect(await slow.reduce(into: []) { $0.append($1) } == [4, 5])
    }

    /// A listener that is cancelled while it is told something: each side once waited for the other's lock.
    @Test(.timeLimit(.minutes(1))) func doesNotWaitForAReaderThatIsCancelled() async {
        let broadcast = Broadcast<Int, Int>(0)
        for round in 0..<5000 {
            let reader = Task { for await _ in broadcast.listen(limit: 1) {} }
            await Task.yield()
            async let sent: Void = broadcast.send(round) { $0 = round }
            async let cancelled: Void = reader.cancel()
            _ = await (sent, cancelled)
            await reader.value
        }
        #expect(broadcast.value == 4999)
    }
}
