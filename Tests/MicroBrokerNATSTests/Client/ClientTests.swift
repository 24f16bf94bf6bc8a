import MicroNATS
import MicroTestSupport
import NIOCore
import Testing

@Suite("NATS client", .timeLimit(.minutes(2)))
struct ClientTests {
    @Test("Publishes and subscribes, with headers, wildcards and queue groups")
    func publishAndSubscribe() async throws {
        let server = try await NATSServerProcess.start()
        try await withClient(server) { client in
            let all = try await client.subscribe(to: "a.>")
            let first = try await client.subscribe(to: "a.b", queue: "q")
            let second = try await client.subscribe(to: "a.b", queue: "q")
            try await client.flush()
            for number in 0..<100 {
                try await client.publish(
                    ByteBuffer(string: "\(number)"), to: "a.b", headers: ["N": "\(number)", "X": ""])
            }
            try await client.flush()
            #expect(try await texts(all, 100) == (0..<100).map { "\($0)" })
            try await eventually("the group has all") { first.pending + second.pending == 100 }
            #expect(first.pending > 0 && second.pending > 0)
            var iterator = first.makeAsyncIterator()
            let message = try #require(try await iterator.next())
            #expect(message.subject == "a.b")
            #expect(message.headers["N"] == String(buffer: message.payload))
            #expect(message.headers["X"] == "")
            #expect(message.reply == nil)
        }
        await server.stop()
    }

    @Test("Answers requests, many at once, through one subscription")
    func requests() async throws {
        let server = try await NATSServerProcess.start()
        try await withClient(server) { client in
            let service = try await client.subscribe(to: "echo")
            try await client.flush()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for try await request in service {
                        try await client.respond(to: request, with: request.payload, headers: request.headers)
                    }
                }
                try await withThrowingTaskGroup(of: Void.self) { callers in
                    for number in 0..<200 {
                        callers.addTask {
                            let reply = try await client.request(
                                ByteBuffer(string: "\(number)"), to: "echo", headers: ["K": "\(number)"])
                            #expect(String(buffer: reply.payload) == "\(number)")
                            #expect(reply.headers["K"] == "\(number)")
                        }
                    }
                    try await callers.waitForAll()
                }
                group.cancelAll()
            }
        }
        await server.stop()
    }

    @Test("Says at once that nobody responds, and after a while that nobody answers")
    func noAnswer() async throws {
        let server = try await NATSServerProcess.start()
        try await withClient(server) { client in
            await #expect {
                try await client.request(ByteBuffer(), to: "nobody", timeout: .seconds(30))
            } throws: { ($0 as? NATSError)?.code == .noResponders }
            let silent = try await client.subscribe(to: "silent")
            try await client.flush()
            await #expect {
                try await client.request(ByteBuffer(), to: "silent", timeout: .milliseconds(50))
            } throws: { ($0 as? NATSError)?.code == .timeout }
            let task = Task { try await client.request(ByteBuffer(), to: "silent", timeout: .seconds(60)) }
            try await eventually("the request is there") { silent.pending == 2 }
            task.cancel()
            await #expect { try await task.value } throws: { ($0 as? NATSError)?.code == .cancelled }
        }
        await server.stop()
    }

    @Test("Carries large and empty payloads through partial reads")
    func sizes() async throws {
        let server = try await NATSServerProcess.start()
        try await withClient(server) { client in
            let subscription = try await client.subscribe(to: "sizes")
            let sizes = [0, 1, 127, 4096, 65535, 65536, 300_000, 1 << 20, 5, 1 << 20, 0]
            for size in sizes {
                try await client.publish([UInt8](repeating: UInt8(size & 0xFF), count: size), to: "sizes")
            }
            var iterator = subscription.makeAsyncIterator()
            for size in sizes {
                let message = try #require(try await iterator.next())
                #expect(message.payload == ByteBuffer(repeating: UInt8(size & 0xFF), count: size))
            }
            await #expect {
                try await client.publish([UInt8](repeating: 0, count: 1 << 20 + 1), to: "sizes")
            } throws: { ($0 as? NATSError)?.code == .payloadTooLarge }
        }
        await server.stop()
    }

    @Test("Tells subjects apart by their bytes, not by what the text means")
    func equivalentSubjects() async throws {
        let server = try await NATSServerProcess.start()
        try await withClient(server) { client in
            // The members of each pair are equal strings; the last two have as many bytes as well.
            let subjects = ["K", "\u{212A}", "caf\u{E9}", "cafe\u{301}", "x\u{2000}", "x\u{2002}"]
            let all = try await client.subscribe(to: ">")
            for subject in subjects { try await client.publish(ByteBuffer(string: "1"), to: subject) }
            try await client.flush()
            var iterator = all.makeAsyncIterator()
            for subject in subjects {
                let message = try #require(try await iterator.next())
                #expect(Array(message.subject.utf8) == Array(subject.utf8))
            }
            for subject in ["", "a b", "a.*"] {
                await #expect {
                    try await client.publish(ByteBuffer(), to: subject)
                } throws: { ($0 as? NATSError)?.code == .invalidSubject }
            }
        }
        await server.stop()
    }

    @Test("Sends many messages through a small buffer, in order, and loses none")
    func backPressure() async throws {
        let server = try await NATSServerProcess.start()
        var configuration = NATSClient.Configuration(servers: [server.address])
        configuration.writeBufferSize = 4096
        try await withClient(configuration) { client in
            let limits = NATSSubscription.Limits(messages: 1000, overflow: .suspend)
            let subscription = try await client.subscribe(to: "n", limits: limits)
            try await client.flush()
            async let sent: Void = {
                for number in 0..<100_000 {
                    try await client.publish(ByteBuffer(integer: number), to: "n")
                }
            }()
            var expected = 0
            for try await message in subscription {
                guard message.payload.getInteger(at: message.payload.readerIndex, as: Int.self) == expected
                else {
                    Issue.record("message \(expected) is missing")
                    break
                }
                expected += 1
                if expected == 100_000 { break }
            }
            try await sent
            #expect(subscription.dropped == 0)
        }
        await server.stop()
    }

    @Test("Drops the oldest or the newest where the reader is too slow, counts it, and tells")
    func slowReader() async throws {
        let server = try await NATSServerProcess.start()
        try await withClient(server) { client in
            let events = client.events
            let oldest = try await client.subscribe(
                to: "n", limits: .init(messages: 10, overflow: .dropOldest))
            let newest = try await client.subscribe(
                to: "n", limits: .init(messages: 10, overflow: .dropNewest))
            let bytes = try await client.subscribe(to: "n", limits: .init(messages: 100, bytes: 60))
            for number in 0..<50 { try await client.publish(ByteBuffer(string: "\(number)"), to: "n") }
            try await client.flush()
            #expect(oldest.dropped == 40)
            #expect(newest.dropped == 40)
            #expect(bytes.pending < 10)
            #expect(try await texts(oldest, 10) == (40..<50).map { "\($0)" })
            #expect(try await texts(newest, 10) == (0..<10).map { "\($0)" })
            #expect(client.statistics.messagesDropped >= 80)
            var slow = events.makeAsyncIterator()
            while let event = await slow.next() {
                guard event.kind == .slowConsumer else { continue }
                #expect(event.subject == "n")
                break
            }
        }
        await server.stop()
    }

    @Test("Drains a subscription and a client without losing what is on its way")
    func drain() async throws {
        let server = try await NATSServerProcess.start()
        try await withClient(server) { client in
            let subscription = try await client.subscribe(to: "n")
            for number in 0..<1000 { try await client.publish(ByteBuffer(string: "\(number)"), to: "n") }
            try await client.flush()
            try await subscription.drain()
            try await client.publish(ByteBuffer(string: "late"), to: "n")
            try await client.flush()
            var count = 0
            for try await _ in subscription { count += 1 }
            #expect(count == 1000)
        }
        // What was published just before the end is written.
        try await withClient(server) { reader in
            let subscription = try await reader.subscribe(to: "last")
            try await reader.flush()
            let address = server.address
            let writer = NATSClient(configuration: .init(servers: [address]))
            async let run: Void = writer.run()
            try await writer.waitUntilConnected()
            for number in 0..<1000 { try await writer.publish(ByteBuffer(string: "\(number)"), to: "last") }
            await writer.drain()
            try await run
            #expect(try await texts(subscription, 1000).last == "999")
            await #expect {
                try await writer.publish(ByteBuffer(), to: "last")
            } throws: { ($0 as? NATSError)?.code == .closed }
        }
        await server.stop()
    }

    @Test(
        "Refuses subjects that can't be sent",
        arguments: ["", ".", "a.", ".a", "a..b", "a b", "a\tb", "a\r\nPUB x 0\r\n", "a*b.c", "a.>.b", "b>"])
    func subjects(_ subject: String) async throws {
        #expect(!NATSSubject.canPublish(to: subject))
        #expect(!NATSSubject.canSubscribe(to: subject))
        let client = NATSClient()
        await #expect {
            try await client.publish(ByteBuffer(), to: subject)
        } throws: { ($0 as? NATSError)?.code == .invalidSubject }
        await #expect {
            _ = try await client.subscribe(to: subject)
        } throws: { ($0 as? NATSError)?.code == .invalidSubject }
    }

    @Test("Refuses headers that would break the wire")
    func headers() async throws {
        let client = NATSClient()
        for headers: NATSHeaders in [["a b": "c"], ["": "x"], ["a:": "x"], ["a": "x\r\ny"]] {
            await #expect {
                try await client.publish(ByteBuffer(), to: "s", headers: headers)
            } throws: { ($0 as? NATSError)?.code == .invalidHeader }
        }
    }
}
