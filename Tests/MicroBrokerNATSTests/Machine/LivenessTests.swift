import NIOCore
import Testing

@testable import MicroNATS

@Suite("The NATS machine and a server that is there, or isn't", .timeLimit(.minutes(2)))
struct LivenessTests {
    @Test("Answers pings")
    func answers() throws {
        let client = VirtualClient()
        try client.admit()
        _ = client.effects()
        try client.hear("PING\r\nPING\r\n")
        // Both answers share one write.
        #expect(client.effects() == [.flush(.soon)])
        #expect(client.write() == "PONG\r\nPONG\r\n")
    }

    @Test("Asks an idle server, and gives it up behind as many questions as may be unanswered")
    func stale() throws {
        let client = VirtualClient { $0.pingInterval = .seconds(20) }
        try client.admit()
        _ = client.effects()
        var asked: [TimeAmount] = []
        var closed: TimeAmount?
        for (at, effect) in client.advance(by: .seconds(70)) {
            if effect == .flush(.soon) { asked.append(at) }
            if effect == .close(link: 1) { closed = closed ?? at }
        }
        #expect(asked.first == .seconds(20))
        #expect(closed == .seconds(60))
        #expect(client.write() == "PING\r\nPING\r\n")
        client.cut()
        #expect(client.machine.lastFailure?.code == .staleConnection)
    }

    @Test("Anything that arrives shows that the server is there")
    func heard() throws {
        let client = VirtualClient { $0.pingInterval = .seconds(20) }
        try client.admit()
        for _ in 0..<20 {
            let effects = client.advance(by: .seconds(20)).map(\.effect)
            #expect(!effects.contains(.close(link: 1)))
            try client.hear("MSG n 1 0\r\n\r\n")
        }
        #expect(client.machine.isOpen)
    }

    @Test("A connection that isn't read is not asked, since it could not hear the answer")
    func suspended() throws {
        let client = VirtualClient()
        let slow = client.machine.subscribe("n", queue: nil)
        let other = client.machine.subscribe("m", queue: nil)
        try client.admit()
        _ = client.effects()
        client.machine.suspendReading(slow)
        client.machine.suspendReading(slow)
        client.machine.suspendReading(other)
        #expect(client.effects() == [.setReading(false)])
        let effects = client.advance(by: .seconds(600)).map(\.effect)
        #expect(!effects.contains(.flush(.soon)) && !effects.contains(.close(link: 1)))
        client.machine.resumeReading(slow)
        #expect(client.effects().isEmpty)
        // One that ends is in nobody's way.
        client.machine.unsubscribe(other)
        #expect(client.effects().first == .setReading(true))
    }

    @Test("A round trip ends with its own answer, its time limit or its cancellation")
    func roundTrips() throws {
        let client = VirtualClient()
        try client.admit()
        for number: UInt64 in 1...4 {
            client.machine.roundTrip(number, within: .seconds(Int64(number)), now: client.now)
        }
        #expect(client.write() == "PING\r\nPING\r\nPING\r\nPING\r\n")
        _ = client.effects()
        try client.hear("PONG\r\n")
        #expect(client.effects() == [.resume(waiter: 1, nil)])
        client.machine.cancel(3)
        #expect(client.effects() == [.resume(waiter: 3, .cancelled)])
        let late = client.advance(by: .seconds(3)).filter {
            if case .resume = $0.effect { true } else { false }
        }
        #expect(late.map(\.at) == [.seconds(2)])
        guard case .resume(waiter: 2, let error)? = late.first?.effect else { return }
        #expect(error?.code == .timeout && error?.message.contains("2.0 seconds") == true)
        // The answers to those who no longer wait are not taken for those of others.
        try client.hear("PONG\r\nPONG\r\nPONG\r\n")
        #expect(
            client.effects().filter { if case .resume = $0 { true } else { false } } == [
                .resume(waiter: 4, nil)
            ])
    }

    @Test("Who waits for a connection in vain hears what is in the way")
    func waitingForConnection() throws {
        let client = VirtualClient()
        client.machine.waitUntilConnected(1, within: .seconds(1), now: client.now)
        guard case .resume(waiter: 1, let idle)? = client.advance(by: .seconds(2)).last?.effect else {
            Issue.record("The wait has no end.")
            return
        }
        #expect(idle?.message.contains("nothing has called its run()") == true)
        client.machine.start(now: client.now)
        client.machine.failedToOpen(link: 1, NATSError(.connectFailed, "nobody is there"), now: client.now)
        client.machine.waitUntilConnected(2, within: .milliseconds(1), now: client.now)
        let effects = client.advance(by: .milliseconds(1)).map(\.effect)
        let message = effects.compactMap { effect -> String? in
            if case .resume(waiter: 2, let error) = effect { error?.message } else { nil }
        }
        #expect(message.first?.contains("nobody is there") == true)
        _ = client.advance(by: .seconds(10))
        client.machine.waitUntilConnected(3, within: .seconds(1), now: client.now)
        try client.admit()
        #expect(client.effects().contains(.resume(waiter: 3, nil)))
    }

    @Test("Errors about permissions end the subscription that they name, and others the connection")
    func errors() throws {
        let client = VirtualClient()
        let refused = client.machine.subscribe("n", queue: nil)
        let other = client.machine.subscribe("m", queue: nil)
        try client.admit()
        _ = client.effects()
        try client.hear("-ERR 'Permissions Violation for Subscription to \"n\"'\r\n")
        let effects = client.effects()
        let ended = effects.compactMap { effect -> [UInt64]? in
            if case .endSubscriptions(let numbers, let error) = effect, error?.code == .permissionDenied {
                numbers
            } else {
                nil
            }
        }
        #expect(ended == [[refused]])
        #expect(client.machine.subscriptions.keys.sorted() == [other])
        #expect(!effects.contains(.close(link: 1)))
        try client.hear("-ERR 'Slow Consumer'\r\n")
        #expect(client.effects().last == .close(link: 1))
        client.cut()
        #expect(client.machine.lastFailure?.code == .slowConsumer)
    }
}
