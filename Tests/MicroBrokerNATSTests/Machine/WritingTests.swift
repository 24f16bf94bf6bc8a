import NIOCore
import Testing

@testable import MicroNATS

@Suite("What the NATS machine writes, and what it keeps", .timeLimit(.minutes(2)))
struct WritingTests {
    @Test("What is published during a write follows it in one more")
    func batches() throws {
        let client = VirtualClient()
        try client.admit()
        _ = client.write()
        _ = client.effects()
        #expect(client.publish("1") == nil)
        let first = client.machine.nextOutput()
        #expect(first.map { String(buffer: $0.messages) } == "PUB n 1\r\n1\r\n")
        #expect(client.publish("2") == nil)
        #expect(client.publish("3") == nil)
        #expect(client.machine.nextOutput() == nil)
        client.machine.written()
        // A few messages wait a moment for more of them; many are written soon.
        #expect(client.effects() == [.flush(.later)])
        #expect(
            client.machine.nextOutput().map { String(buffer: $0.messages) }
                == "PUB n 1\r\n2\r\nPUB n 1\r\n3\r\n")
        #expect(client.publish(String(repeating: "x", count: 40_000)) == nil)
        client.machine.written()
        #expect(client.effects() == [.flush(.soon)])
        #expect(client.write().utf8.count > 40_000)
        client.machine.flush(.soon)
        client.machine.flush(.soon)
        #expect(client.effects() == [.flush(.soon)])
    }

    @Test("Without a connection as much is kept as the buffer holds, and the rest refused")
    func offlineBound() throws {
        let client = VirtualClient { $0.reconnectBufferSize = 1000 }
        var taken = 0
        while client.publish("\(taken)") == nil { taken += 1 }
        #expect(taken > 10 && taken < 100)
        #expect(client.publish("x") == .bufferFull)
        try client.admit()
        let expected = (0..<taken).map { "PUB n \("\($0)".count)\r\n\($0)\r\n" }.joined()
        #expect(client.write() == expected)
        #expect(client.publish("x") == nil)
    }

    @Test("With a connection publishers wait while the write buffer is full")
    func onlineBound() throws {
        let client = VirtualClient { $0.writeBufferSize = 1000 }
        try client.admit()
        func mustWait() -> Bool {
            let admission = client.outbox.add(
                ByteBuffer(repeating: 0, count: 100), to: "n", reply: nil, headers: nil)
            if case .mustWait = admission { return true }
            return false
        }
        var taken = 0
        while !mustWait() { taken += 1 }
        #expect((5...10).contains(taken))
        _ = client.write()
        #expect(!mustWait())
    }

    @Test("What is larger than the next server takes is left out, and reported with the first of it")
    func smallerServer() throws {
        let client = VirtualClient()
        try client.admit("{\"max_payload\":100}")
        client.cut()
        for size in [90, 10, 80] { #expect(client.publish(String(repeating: "x", count: size)) == nil) }
        _ = client.advance(by: .seconds(1))
        try client.admit("{\"max_payload\":50}")
        let effects = client.effects()
        let left = effects.compactMap { effect -> [Int]? in
            if case .leftOut(let messages, limit: 50) = effect { messages.map(\.size) } else { nil }
        }
        #expect(left == [[90, 80]])
        let reasons = effects.reports.compactMap { report -> String? in
            if case .unsent(2, .payloadTooLarge, let reason) = report { reason } else { nil }
        }
        #expect(reasons.first?.contains("takes 50 bytes") == true)
        #expect(client.write() == "PUB n 10\r\nxxxxxxxxxx\r\n")
        // A server's configuration can be changed while it runs.
        try client.hear("INFO {\"max_payload\":5}\r\n")
        #expect(client.publish("123456") == .payloadTooLarge)
    }

    @Test("A subscription whose reader is too slow drops, and says so once until it has caught up")
    func slowReader() throws {
        let inbox = SubscriptionInbox(limits: .init(messages: 2))
        let receiver = Receiver(subject: "n", inbox: inbox, receive: nil)
        func deliver(_ count: Int) throws -> Bool {
            var parser = NATSParser()
            var messages: [NATSMessage] = []
            var buffer = ByteBuffer(string: String(repeating: "MSG n 1 1\r\nx\r\n", count: count))
            while case .message(_, let message)? = try parser.next(&buffer) { messages.append(message) }
            return receiver.beginsToDrop(inbox.deliver(&messages).dropped)
        }
        #expect(try deliver(2) == false)
        #expect(try deliver(3) == true)
        #expect(try deliver(1) == false)
        #expect(inbox.dropped == 4 && inbox.count == 2)
    }
}

@Suite("The requests that wait", .timeLimit(.minutes(2)))
struct RequestTableTests {
    @Test("Each ends at its own deadline, and one timer serves all of them")
    func deadlines() {
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        var table = RequestTable<String>()
        #expect(true == table.add(1, "a", deadline: start + .seconds(5), subject: "s"))
        #expect(false == table.add(2, "b", deadline: start + .seconds(6), subject: "s"))
        #expect(true == table.add(3, "c", deadline: start + .seconds(1), subject: "s"))
        #expect(table.remove(1)?.0 == "a")
        #expect(table.deadline == start + .seconds(1))
        #expect(table.expire(now: start + .seconds(1)).map(\.0) == ["c"])
        #expect(table.deadline == start + .seconds(6))
        #expect(table.expire(now: start + .seconds(5)).map(\.0) == [])
        #expect(table.add(4, "d", deadline: start + .seconds(9), subject: "s") == false)
        #expect(table.removeAll().sorted() == ["b", "d"])
        #expect(table.deadline == nil && table.count == 0)
    }
}
