import MicroNATS
import MicroTestSupport
import NIOCore
import Testing

@Suite("NATS messages that can't be sent", .timeLimit(.minutes(2)))
struct UnsentTests {
    private static func quick(_ port: Int) -> NATSClient.Configuration {
        var configuration = NATSClient.Configuration(servers: [NATSServer(host: "127.0.0.1", port: port)])
        configuration.reconnectDelay = .milliseconds(10) ... .milliseconds(100)
        return configuration
    }

    @Test("What is too large for the server of the next connection is reported, and the rest arrives")
    func smallerServer() async throws {
        let first = try await NATSServerProcess.start()
        try await withClient(first) { client in
            let subscription = try await client.subscribe(to: "n.>")
            try await client.flush()
            let events = client.events
            try await first.kill()
            for await event in events where event.kind == .disconnected { break }
            for (topic, size) in [("n.a", 5000), ("n.b", 20), ("n.c", 2000), ("n.d", 30), ("n.e", 1024)] {
                try await client.publish([UInt8](repeating: 0x61, count: size), to: topic)
            }
            async let reply = client.request(
                ByteBuffer(repeating: 0x61, count: 3000), to: "n.f", timeout: .seconds(60))
            // The request is in the buffer once it is counted.
            try await eventually("the request waits") { client.statistics.messagesSent == 6 }
            let second = try await NATSServerProcess.start("max_payload: 1024", port: first.port)
            let sizes = try await texts(subscription, 3).map(\.utf8.count)
            #expect(sizes == [20, 30, 1024])
            do {
                _ = try await reply
                Issue.record("a request that was left out has an answer")
            } catch {
                #expect((error as? NATSError)?.code == .payloadTooLarge)
            }
            #expect(client.statistics.messagesUnsent == 3)
            for await event in events where event.kind == .unsent {
                #expect(event.error?.message.contains("3 messages") == true)
                #expect(event.error?.message.contains("the first has 5000 and was for n.a") == true)
                break
            }
            // The server had no reason to cut the connection.
            try await client.flush()
            #expect(client.statistics.connections == 2)
            await second.stop()
        }
    }

    @Test("A server that takes less from now on is heard")
    func changedLimit() async throws {
        let server = try await FakeServer { _, heard, channel in FakeServer.welcome(heard, channel) }
        try await withClient(Self.quick(server.port)) { client in
            try await client.publish([UInt8](repeating: 0, count: 20), to: "n")
            server.say("INFO {\"max_payload\":10}\r\n")
            try await eventually("it is refused") {
                do throws(NATSError) {
                    try await client.publish([UInt8](repeating: 0, count: 20), to: "n")
                    return false
                } catch {
                    return error.code == .payloadTooLarge
                }
            }
        }
        await server.stop()
    }

    @Test("What was being written when the connection broke is reported and counted")
    func interruptedWrite() async throws {
        let server = try await FakeServer { connection, heard, channel in
            FakeServer.welcome(heard, channel)
            if connection == 1, heard.hasSuffix("PING\r\n") {
                channel.setOption(ChannelOptions.autoRead, value: false).whenSuccess {}
            }
        }
        try await withClient(Self.quick(server.port)) { client in
            let events = client.events
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !Task.isCancelled {
                        try await client.publish([UInt8](repeating: 0, count: 64 << 10), to: "n")
                    }
                }
                // Once as much is buffered as may be, publishing stands still.
                var last = -1
                while client.statistics.messagesSent != last || last < 10 {
                    last = client.statistics.messagesSent
                    try await Task.sleep(for: .milliseconds(300))
                }
                server.cut()
                for await event in events where event.kind == .unsent {
                    #expect(event.error?.code == .connectionLost)
                    break
                }
                #expect(client.statistics.messagesUnsent > 0)
                group.cancelAll()
                // The publisher ends by its cancellation.
                while let result = await group.nextResult() { _ = result }
            }
        }
        await server.stop()
    }

    @Test("What is left when the client ends is counted")
    func leftAtTheEnd() async throws {
        let client = NATSClient(configuration: Self.quick(try FreePort.tcp()))
        let events = client.events
        for _ in 0..<7 { try await client.publish(ByteBuffer(string: "x"), to: "n") }
        client.close()
        var kinds: [NATSEvent.Kind] = []
        for await event in events { kinds.append(event.kind) }
        #expect(client.statistics.messagesUnsent == 7)
        #expect(kinds.suffix(2) == [.unsent, .closed])
    }
}
