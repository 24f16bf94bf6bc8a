import Foundation
import MicroNATS
import MicroTestSupport
import NIOCore
import Synchronization
import Testing

@Suite("NATS client in trouble", .timeLimit(.minutes(2)))
struct FaultTests {
    private static func quick(_ servers: NATSServer...) -> NATSClient.Configuration {
        var configuration = NATSClient.Configuration(servers: servers)
        configuration.reconnectDelay = .milliseconds(10) ... .milliseconds(100)
        configuration.shufflesServers = false
        return configuration
    }

    @Test("Reconnects after kill -9, subscribes again, and sends what was published meanwhile, in order")
    func reconnect() async throws {
        let server = try await NATSServerProcess.start()
        try await withClient(server) { client in
            let subscription = try await client.subscribe(to: "n")
            try await client.publish(ByteBuffer(string: "before"), to: "n")
            #expect(try await texts(subscription, 1) == ["before"])
            let events = client.events
            try await server.kill()
            for await event in events where event.kind == .disconnected { break }
            for number in 0..<100 { try await client.publish(ByteBuffer(string: "\(number)"), to: "n") }
            let restarted = try await server.restarted()
            #expect(try await texts(subscription, 100) == (0..<100).map { "\($0)" })
            let service = try await client.subscribe(to: "echo")
            try await client.flush()
            async let reply = client.request(ByteBuffer(string: "hi"), to: "echo")
            var iterator = service.makeAsyncIterator()
            let request = try #require(try await iterator.next())
            try await client.respond(to: request, with: ByteBuffer(string: "ho"))
            #expect(String(buffer: try await reply.payload) == "ho")
            #expect(client.statistics.connections == 2)
            await restarted.stop()
        }
    }

    @Test("Keeps no more than the reconnect buffer holds, and refuses the rest without losing what it has")
    func reconnectBuffer() async throws {
        let server = try await NATSServerProcess.start()
        var configuration = Self.quick(server.address)
        configuration.reconnectBufferSize = 4096
        try await withClient(configuration) { client in
            let subscription = try await client.subscribe(to: "n")
            try await client.flush()
            let events = client.events
            try await server.kill()
            for await event in events where event.kind == .disconnected { break }
            var taken = 0
            let refusal = await #expect(throws: NATSError.self) {
                while true {
                    try await client.publish(ByteBuffer(string: "\(taken)"), to: "n")
                    taken += 1
                }
            }
            #expect(refusal?.code == .bufferFull)
            #expect(taken > 10)
            let restarted = try await server.restarted()
            #expect(try await texts(subscription, taken) == (0..<taken).map { "\($0)" })
            await restarted.stop()
        }
    }

    @Test("Moves to another server of the cluster when its own is about to stop")
    func lameDuck() async throws {
        let clusterPorts = [try FreePort.tcp(), try FreePort.tcp()]
        @Sendable func node(_ index: Int) async throws -> NATSServerProcess {
            try await NATSServerProcess.start(
                """
                server_name: n\(index)
                lame_duck_duration: "30s"
                lame_duck_grace_period: "10s"
                cluster { name: c, host: 127.0.0.1, port: \(clusterPorts[index]),
                    routes: ["nats://127.0.0.1:\(clusterPorts[1 - index])"] }
                """)
        }
        let first = try await node(0)
        try await withClient(Self.quick(first.address)) { client in
            let events = client.events
            let second = try await node(1)
            for await event in events where event.kind == .discovered { break }
            let subscription = try await client.subscribe(to: "n")
            try await client.flush()
            first.program.send(signal: SIGUSR2)
            for await event in events where event.kind == .connected {
                #expect(event.server == "127.0.0.1:\(second.port)")
                break
            }
            try await client.publish(ByteBuffer(string: "moved"), to: "n")
            #expect(try await texts(subscription, 1) == ["moved"])
            await second.stop()
        }
        await first.stop()
    }

    @Test("Tells of missing permissions, and goes on")
    func permissions() async throws {
        let server = try await NATSServerProcess.start(
            """
            authorization { users: [ { user: u, password: p, permissions: {
                publish: { allow: ["open.>", "_INBOX.>"] }, subscribe: { allow: ["open.>", "_INBOX.>"] } } } ] }
            """)
        var configuration = Self.quick(server.address)
        configuration.credentials = .user("u", password: "p")
        try await withClient(configuration) { client in
            let events = client.events
            let refused = try await client.subscribe(to: "closed.x")
            let allowed = try await client.subscribe(to: "open.x")
            try await client.publish(ByteBuffer(string: "no"), to: "closed.y")
            try await client.publish(ByteBuffer(string: "yes"), to: "open.x")
            try await client.flush()
            #expect(refused.failure?.code == .permissionDenied)
            await #expect(throws: NATSError.self) { for try await _ in refused {} }
            #expect(try await texts(allowed, 1) == ["yes"])
            var subjects: Set<String> = []
            for await event in events where event.kind == .serverError {
                if let subject = event.subject { subjects.insert(subject) }
                if subjects.count == 2 { break }
            }
            #expect(subjects == ["closed.x", "closed.y"])
            #expect(client.statistics.connections == 1)
        }
        await server.stop()
    }

    @Test(
        "Leaves a server that says something else than NATS, and comes back",
        arguments: [
            "MSG x 1 -5\r\n", "HELLO\r\n", "MSG n 1 3\r\ntoolong\r\n", "PING\n", "INFO {\r\n",
            "-ERR 'Stale Connection'\r\n",
        ])
    func malformed(_ nonsense: String) async throws {
        let server = try await FakeServer { _, heard, channel in FakeServer.welcome(heard, channel) }
        try await withClient(Self.quick(NATSServer(host: "127.0.0.1", port: server.port))) { client in
            let events = client.events
            server.say(nonsense)
            for await event in events where event.kind == .disconnected {
                #expect([.protocolViolation, .staleConnection].contains(event.error?.code))
                break
            }
            try await client.waitUntilConnected()
            #expect(server.connections >= 2)
        }
        await server.stop()
    }

    @Test(
        "Says what is wrong with a server that never lets it in",
        arguments: [
            ("", "time limit"), ("HTTP/1.1 400 Bad Request\r\n\r\n", "isn't NATS"),
            ("INFO nonsense\r\n", "INFO can't be read"),
            ("INFO {\"max_payload\":\"x\"}\r\n", "INFO can't be read"),
            (FakeServer.greeting + "MSG a 1 0\r\n\r\n", "handshake"),
        ])
    func unwelcoming(_ greeting: String, _ expected: String) async throws {
        let server = try await FakeServer(greeting: greeting) { _, _, _ in }
        var configuration = Self.quick(NATSServer(host: "127.0.0.1", port: server.port))
        configuration.connectTimeout = .milliseconds(200)
        try await withClient(configuration, waits: false) { client in
            try await eventually("it says \(expected)") {
                do throws(NATSError) {
                    try await client.waitUntilConnected(timeout: .milliseconds(20))
                    return false
                } catch {
                    return error.message.contains(expected)
                }
            }
        }
        await server.stop()
    }

    @Test("Gives up a connection whose other end doesn't answer pings")
    func stale() async throws {
        let server = try await FakeServer { connection, heard, channel in
            // The first connection answers the first ping alone.
            if connection > 1 || !heard.dropLast(6).contains("PING") { FakeServer.welcome(heard, channel) }
        }
        var configuration = Self.quick(NATSServer(host: "127.0.0.1", port: server.port))
        configuration.pingInterval = .milliseconds(50)
        try await withClient(configuration) { client in
            for await event in client.events where event.kind == .disconnected {
                #expect(event.error?.code == .staleConnection)
                break
            }
        }
        await server.stop()
    }

    @Test("Ends at once when it is cancelled: without a server, and with one that doesn't answer")
    func cancellation() async throws {
        let silent = try await FakeServer(greeting: "") { _, _, _ in }
        for port in [try FreePort.tcp(), silent.port] {
            let client = NATSClient(configuration: Self.quick(NATSServer(host: "127.0.0.1", port: port)))
            let subscription = try await client.subscribe(to: "n")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await client.run() }
                group.addTask { for try await _ in subscription {} }
                group.addTask {
                    await #expect(throws: NATSError.self) { try await client.request(ByteBuffer(), to: "n") }
                }
                group.addTask {
                    await #expect(throws: NATSError.self) {
                        try await client.waitUntilConnected(timeout: .seconds(60))
                    }
                }
                try await Task.sleep(for: .milliseconds(100))
                client.close()
                try await group.waitForAll()
            }
        }
        await silent.stop()
    }

    @Test("Leaves no descriptor behind")
    func descriptors() async throws {
        let server = try await NATSServerProcess.start()
        func count() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        }
        try await withClient(server) { try await $0.flush() }
        let before = try count()
        for _ in 0..<20 { try await withClient(server) { try await $0.flush() } }
        try await eventually("no more descriptors than before") { try count() <= before }
        await server.stop()
    }

    @Test("Is cut off by a server for which it is too slow, and told so")
    func serverSideSlowConsumer() async throws {
        let server = try await NATSServerProcess.start("max_pending: 1MB\nwrite_deadline: \"500ms\"")
        try await withClient(server) { client in
            let slow = try await client.subscribe(to: "n", limits: .init(messages: 10, overflow: .suspend))
            try await client.flush()
            let events = client.events
            try await withClient(server) { writer in
                for _ in 0..<400 {
                    try await writer.publish([UInt8](repeating: 0, count: 100_000), to: "n")
                }
                try await writer.flush(timeout: .seconds(30))
            }
            await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for try await _ in slow {} }
                for await event in events where event.kind == .disconnected { break }
                group.cancelAll()
            }
        }
        await server.stop()
    }

    @Test("Keeps a subscription's limit on the next connection, where reading was suspended on the last")
    func suspendedOverReconnect() async throws {
        let server = try await FakeServer { connection, heard, channel in
            FakeServer.welcome(heard, channel)
            if connection == 1, heard.hasSuffix("SUB n 1\r\n") {
                channel.writeAndFlush(
                    ByteBuffer(string: String(repeating: "MSG n 1 1\r\nx\r\n", count: 20)), promise: nil)
            }
            if connection == 1, heard.hasSuffix("PUB leave 0\r\n\r\n") { channel.close(promise: nil) }
            guard connection == 2, heard.hasSuffix("PUB more 0\r\n\r\n") else { return }
            let message = "MSG n 1 16384\r\n" + String(repeating: "x", count: 16384) + "\r\n"
            for _ in 0..<300 { channel.write(ByteBuffer(string: message), promise: nil) }
            channel.flush()
        }
        try await withClient(Self.quick(NATSServer(host: "127.0.0.1", port: server.port))) { client in
            let slow = try await client.subscribe(to: "n", limits: .init(messages: 10, overflow: .suspend))
            try await eventually("the first messages") { slow.pending == 20 }
            try await client.publish(ByteBuffer(), to: "leave")
            try await eventually("another connection") { client.statistics.connections == 2 }
            try await client.publish(ByteBuffer(), to: "more")
            try await eventually("more messages") { slow.pending > 20 }
            // All of them would be here long before.
            try await Task.sleep(for: .milliseconds(300))
            #expect(slow.pending < 100)
            #expect(try await texts(slow, 320).count == 320)
        }
        await server.stop()
    }

    @Test("Reads on when a subscription is refused for which reading was suspended")
    func refusedWhileSuspended() async throws {
        let server = try await FakeServer { _, heard, channel in
            FakeServer.welcome(heard, channel)
            if heard.hasSuffix("SUB n 1\r\n") {
                let messages = String(repeating: "MSG n 1 1\r\nx\r\n", count: 20)
                let error = "-ERR 'Permissions Violation for Subscription to \"n\"'\r\n"
                channel.writeAndFlush(ByteBuffer(string: messages + error), promise: nil)
            }
            if heard.hasSuffix("PUB go 0\r\n\r\n") {
                channel.writeAndFlush(ByteBuffer(string: "MSG m 2 2\r\nhi\r\n"), promise: nil)
            }
        }
        try await withClient(Self.quick(NATSServer(host: "127.0.0.1", port: server.port))) { client in
            let refused = try await client.subscribe(to: "n", limits: .init(messages: 10, overflow: .suspend))
            try await eventually("the refusal") { refused.failure?.code == .permissionDenied }
            let other = try await client.subscribe(to: "m")
            try await client.publish(ByteBuffer(), to: "go")
            #expect(try await texts(other, 1) == ["hi"])
        }
        await server.stop()
    }

    @Test("Ends without an error when its task was cancelled before it began")
    func cancelledBeforeTheBeginning() async throws {
        let client = NATSClient()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.cancelAll()
            group.addTask { try await client.run() }
            try await group.waitForAll()
        }
        await #expect(throws: NATSError.self) { try await client.run() }
    }
}
