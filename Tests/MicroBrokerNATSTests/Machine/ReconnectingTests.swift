import NIOCore
import Testing

@testable import MicroNATS

@Suite("The NATS machine connects again", .timeLimit(.minutes(2)))
struct ReconnectingTests {
    /// When the next connection is opened, from now on.
    private func nextTry(_ client: VirtualClient) -> TimeAmount? {
        let (begin, link) = (client.elapsed, client.machine.lastLink)
        for (at, effect) in client.advance(by: .seconds(60)) {
            if case .connect(_, link + 1) = effect { return at - begin }
        }
        return nil
    }

    @Test("Tries grow more seldom, up to a limit, and begin anew behind a connection that has lasted")
    func backoff() throws {
        let client = VirtualClient { $0.reconnectDelay = .milliseconds(100) ... .seconds(2) }
        client.machine.start(now: client.now)
        _ = client.effects()
        var pauses: [TimeAmount] = []
        for _ in 0..<10 {
            let error = NATSError(.connectFailed, "no")
            client.machine.failedToOpen(link: client.machine.lastLink, error, now: client.now)
            pauses.append(try #require(nextTry(client)))
        }
        #expect(pauses[0] <= .milliseconds(50))
        for (number, pause) in pauses.enumerated().dropFirst() {
            let longest = min(TimeAmount.milliseconds(100 << Int64(number - 1)), .seconds(2))
            #expect(pause <= longest && pause >= .nanoseconds(longest.nanoseconds / 2), "\(number)")
        }
        try client.admit()
        _ = client.advance(by: .seconds(6))
        client.cut()
        #expect(try #require(nextTry(client)) <= .milliseconds(50))
    }

    @Test("A server that admits it and cuts it off at once counts as one that can't be reached")
    func flapping() throws {
        let client = VirtualClient { $0.reconnectDelay = .milliseconds(100) ... .seconds(5) }
        var pauses: [TimeAmount] = []
        for _ in 0..<8 {
            try client.admit()
            client.cut()
            pauses.append(try #require(nextTry(client)))
        }
        #expect(pauses.last ?? .zero >= .milliseconds(2500))
    }

    @Test("Only now and then is a server that can't be reached worth a warning")
    func warnings() throws {
        let client = VirtualClient()
        client.machine.start(now: client.now)
        var lasting: [Int] = []
        for number in 0..<40 {
            let error = NATSError(.connectFailed, "no")
            client.machine.failedToOpen(link: client.machine.lastLink, error, now: client.now)
            for case .unreachable(_, _, isLasting: true) in client.effects().reports {
                lasting.append(number)
            }
            _ = nextTry(client)
        }
        #expect(lasting == [0, 16, 32])
    }

    @Test("Renews the subscriptions in their order, and sends what was published meanwhile behind them")
    func renewal() throws {
        let client = VirtualClient()
        let first = client.machine.subscribe("a.*", queue: nil)
        let ended = client.machine.subscribe("b", queue: nil)
        let third = client.machine.subscribe("c", queue: "q")
        client.machine.unsubscribe(ended)
        try client.admit()
        #expect(client.write() == "SUB a.* \(first)\r\nSUB c q \(third)\r\n")
        #expect(!client.effects().contains(.renewed))
        client.cut()
        let lost = client.effects()
        #expect(
            lost.reports == [
                .disconnected(NATSServer(host: "a"), .lost), .reconnecting(NATSServer(host: "a"), .lost),
            ])
        #expect(client.publish("1") == nil)
        #expect(client.publish("2") == nil)
        #expect(client.write().isEmpty)
        _ = client.advance(by: .seconds(1))
        try client.admit()
        #expect(client.effects().contains(.renewed))
        #expect(
            client.write()
                == "SUB a.* \(first)\r\nSUB c q \(third)\r\nPUB n 1\r\n1\r\nPUB n 1\r\n2\r\n")
    }

    @Test("Those who wait for the server, and requests, fail with the connection")
    func waiters() throws {
        let client = VirtualClient()
        try client.admit()
        client.machine.roundTrip(1, within: .seconds(10), now: client.now)
        _ = client.effects()
        client.cut()
        let effects = client.effects()
        #expect(effects.contains(.failRequests(.lost)) && effects.contains(.resume(waiter: 1, .lost)))
        client.machine.roundTrip(2, within: .seconds(10), now: client.now)
        #expect(client.effects() == [.resume(waiter: 2, .lost)])
    }

    @Test("A request that waits for a connection outlives tries that fail")
    func waitingRequests() {
        let client = VirtualClient()
        client.machine.start(now: client.now)
        for _ in 0..<3 {
            let error = NATSError(.connectFailed, "no")
            client.machine.failedToOpen(link: client.machine.lastLink, error, now: client.now)
            #expect(!client.effects().contains(.failRequests(.lost)))
            _ = nextTry(client)
        }
    }

    @Test("Leaves a server that is about to stop for another one, without a pause if it has lasted")
    func lameDuck() throws {
        let client = VirtualClient()
        try client.admit("{\"connect_urls\":[\"a:4222\",\"b:4222\"]}")
        #expect(client.effects().reports.contains(.discovered(NATSServer(host: "b"))))
        _ = client.advance(by: .seconds(10))
        #expect(client.publish("last") == nil)
        try client.hear("INFO {\"ldm\":true,\"connect_urls\":[\"b:4222\"]}\r\n")
        #expect(client.effects().reports == [.lameDuck(NATSServer(host: "a"))])
        #expect(client.write() == "PUB n 4\r\nlast\r\nPING\r\n")
        try client.hear("PONG\r\n")
        #expect(client.effects().contains(.close(link: 1)))
        client.cut()
        let next = client.effects().last
        guard case .connect(let entry, link: 2)? = next else {
            Issue.record("It does not connect at once: \(String(describing: next)).")
            return
        }
        #expect(entry.server.host == "b" && entry.isLearnt)
    }

    @Test("What was being written when the connection broke is reported")
    func interruptedWrite() throws {
        let client = VirtualClient()
        try client.admit()
        for _ in 0..<3 { #expect(client.publish("x") == nil) }
        #expect(client.machine.nextOutput() != nil)
        // This one is not part of the write, and goes to the next connection.
        #expect(client.publish("y") == nil)
        client.cut()
        let unsent = client.effects().reports.compactMap { report -> Int? in
            if case .unsent(let count, .connectionLost, _) = report { count } else { nil }
        }
        #expect(unsent == [3])
        _ = client.advance(by: .seconds(1))
        try client.admit()
        #expect(client.write() == "PUB n 1\r\ny\r\n")
    }
}
