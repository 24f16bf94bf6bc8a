import NIOCore
import Testing

@testable import MicroNATS

@Suite("The NATS machine ends", .timeLimit(.minutes(2)))
struct EndTests {
    @Test("Writes what is buffered, asks a last question, and closes with its answer")
    func drain() throws {
        let client = VirtualClient()
        let number = client.machine.subscribe("n", queue: nil)
        try client.admit()
        _ = client.write()
        #expect(client.publish("last") == nil)
        _ = client.effects()
        client.machine.close(now: client.now)
        client.machine.close(now: client.now)
        #expect(client.effects() == [.wake(client.now + .seconds(3)), .flush(.soon)])
        #expect(client.write() == "PUB n 4\r\nlast\r\nPING\r\n")
        // What comes behind the last question would be lost with the connection.
        #expect(client.publish("late") == nil)
        #expect(client.machine.nextOutput() == nil)
        try client.hear("MSG n \(number) 0\r\n\r\nPONG\r\n")
        #expect(client.effects() == [.close(link: 1)])
        client.cut()
        let end = client.effects()
        #expect(end.contains(.endSubscriptions([number], nil)))
        #expect(end.reports.contains(.closed))
        #expect(end.end == .some(nil) && client.machine.isClosed)
        let unsent = end.reports.filter { if case .unsent(1, .closed, _) = $0 { true } else { false } }
        #expect(unsent.count == 1)
        #expect(client.publish("x") == .closed)
    }

    @Test("A server that does not answer the last question is left when the time for it is over")
    func drainLimit() throws {
        let client = VirtualClient { $0.drainTimeout = .seconds(3) }
        try client.admit()
        _ = client.effects()
        client.machine.close(now: client.now)
        let closed = client.advance(by: .seconds(100)).filter { $0.effect == .close(link: 1) }
        #expect(closed.map(\.at) == [.seconds(3)])
    }

    @Test("Before the start, between two tries, and while a connection is opened it ends at once")
    func withoutConnection() throws {
        let idle = VirtualClient()
        idle.machine.waitUntilConnected(1, within: .seconds(60), now: idle.now)
        idle.machine.close(now: idle.now)
        let effects = idle.effects()
        #expect(effects.end == .some(nil) && effects.contains(.resume(waiter: 1, .closed)))

        let pausing = VirtualClient()
        pausing.machine.start(now: pausing.now)
        pausing.machine.failedToOpen(link: 1, .lost, now: pausing.now)
        pausing.machine.close(now: pausing.now)
        #expect(pausing.effects().end == .some(nil))
        #expect(pausing.advance(by: .seconds(60)).isEmpty)

        let opening = VirtualClient()
        opening.machine.start(now: opening.now)
        _ = opening.effects()
        opening.machine.close(now: opening.now)
        #expect(opening.effects() == [.close(link: 1)])
        // It is opened all the same in this moment.
        opening.machine.opened(link: 1, now: opening.now)
        #expect(opening.effects().last == .close(link: 1))
        opening.cut()
        #expect(opening.effects().end == .some(nil))
    }
}
