import Foundation
import MicroBrokerNATS
import MicroCore
import MicroNATS
import MicroTestSupport
import MicroTesting
import NIOCore
import Synchronization
import Testing

/// Runs brokers around a function.
@discardableResult
func withBrokers<Result: Sendable>(
    _ brokers: [NATSBroker], _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        for broker in brokers {
            group.addTask {
                try await broker.run()
                return nil
            }
        }
        group.addTask { try await body() }
        defer { group.cancelAll() }
        while let result = try await group.next() {
            if let result { return result }
        }
        throw TestSupportError("a broker ended before the test")
    }
}

/// A broker on a server.
func broker(_ server: NATSServerProcess, jetStream: NATSBroker.JetStreamOptions? = nil) -> NATSBroker {
    var client = NATSClient.Configuration(servers: [server.address])
    client.reconnectDelay = .milliseconds(20) ... .milliseconds(200)
    return NATSBroker(configuration: .init(client: client, jetStream: jetStream))
}

/// The bodies of the events that a handler was given.
final class Bodies: Sendable {
    private let texts = Mutex<[String]>([])
    var all: [String] { texts.withLock { $0 } }
    @discardableResult
    func add(_ received: ReceivedEvent) -> Int {
        texts.withLock { texts in
            texts.append(String(decoding: received.event.body.bytes, as: UTF8.self))
            return texts.count
        }
    }
}

@Suite("NATS broker", .timeLimit(.minutes(2)))
struct BrokerTests {
    @Test("Keeps the promises of a broker")
    func conformance() async throws {
        let server = try await NATSServerProcess.start()
        try await BrokerConformance { (broker(server), broker(server)) }.run()
        await server.stop()
    }

    @Test("Keeps the promises of a broker with JetStream")
    func jetStreamConformance() async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        try await BrokerConformance {
            (broker(server, jetStream: .init()), broker(server, jetStream: .init()))
        }.run()
        await server.stop()
    }

    @Test("Sends the bytes that go-micro sends, and reads those that it has sent")
    func goMicro() async throws {
        let server = try await NATSServerProcess.start()
        let ours = broker(server)
        let captured = [
            #"{"Header":{"Content-Type":"application/grpc+proto","Foo":"bar","Micro-From-Service":"gm-client","Micro-Topic":"go.micro.topic.test","X-User-Id":"42"},"Body":"CgRpZC0wEOeDg9gGGgRKb2hu"}"#,
            #"{"Header":{"Content-Type":"application/json","Micro-From-Service":"gm-client","Micro-Topic":"go.micro.topic.test"},"Body":"eyJpZCI6ImlkLTAiLCJ0aW1lc3RhbXAiOiIxNzk1MjExNzUxIiwibWVzc2FnZSI6IkpvaG4ifQ=="}"#,
            #"{"Header":{"Foo":"bar"},"Body":"eyJoZWxsbyI6MX0="}"#,
        ]
        try await withClient(server) { client in
            let wire = try await client.subscribe(to: ">")
            try await client.flush()
            try await withBrokers([ours]) {
                let (events, continuation) = AsyncStream.makeStream(of: BrokerEvent.self)
                let subscription = try await ours.subscribe(.init(topic: "go.micro.topic.test")) { received in
                    continuation.yield(received.event)
                    return .ack
                }
                var iterator = events.makeAsyncIterator()
                var received: [BrokerEvent] = []
                for text in captured {
                    try await client.publish(ByteBuffer(string: text), to: "go.micro.topic.test")
                    let event = try #require(await iterator.next())
                    #expect(event.topic == "go.micro.topic.test")
                    #expect(event.header["Foo"] == (text.contains("Foo") ? "bar" : nil))
                    received.append(event)
                }
                await subscription.cancel(deadline: .now + .seconds(1))
                for event in received { try await ours.publish(event, to: "go.micro.topic.test") }
                // Once as go-micro has sent them, and once as we have.
                #expect(try await texts(wire, 6) == captured + captured)
            }
        }
        await server.stop()
    }

    @Test("Swaps by variables alone, and refuses those that can't be used")
    func variables() throws {
        func configuration(_ values: [String: String]) throws -> NATSBroker.Configuration {
            let variables = Dictionary(
                uniqueKeysWithValues: values.map { key, value in
                    ("MICRO_BROKER_" + key.replacing(".", with: "_").uppercased(), value)
                })
            return try NATSBroker.Configuration(context: .testing(role: "broker", variables: variables))
        }
        #expect(try configuration([:]).client.servers == [NATSServer(host: "127.0.0.1", port: 4222)])
        let full = try configuration([
            "address": "nats://a:1,tls://b", "user": "u", "password": "p", "jetstream": "true",
            "stream": "EVENTS",
            "stream.subjects": "events.>,x", "ack.wait": "2s", "max.deliver": "7", "deliver": "all",
            "stream.storage": "memory", "durable": "d", "reconnect.buffer": "0", "redelivery.delay": "1s",
        ])
        #expect(
            full.client.servers == [NATSServer(host: "a", port: 1), NATSServer(host: "b", requiresTLS: true)])
        #expect(full.client.credentials == .user("u", password: "p"))
        #expect(full.client.reconnectBufferSize == 0)
        #expect(full.jetStream?.subjects == ["events.>", "x"])
        #expect(full.jetStream?.ackWait == .seconds(2) && full.jetStream?.maximumDeliveries == 7)
        let bad: [[String: String]] = [
            ["address": "http://x"], ["password": "p"], ["user": "u", "token": "t"], ["jetstream": "maybe"],
            ["jetstream": "1", "stream": "a.b"], ["jetstream": "1", "ack.wait": "1ms"],
            ["jetstream": "1", "max.deliver": "0"], ["jetstream": "1", "deliver": "old"],
            ["jetstream": "1", "stream.subjects": "a"], ["reconnect.buffer": "-1"], ["tls.first": "x"],
            ["jetstream": "1", "stream.storage": "tape"],
            ["jetstream": "1", "stream": "S", "stream.subjects": "a..b"],
        ]
        for values in bad {
            #expect(throws: StartError.self, "\(values)") { try configuration(values) }
        }
    }

    @Test("Drops what isn't an event, counts it, and goes on")
    func badEnvelopes() async throws {
        let server = try await NATSServerProcess.start()
        let ours = broker(server)
        try await withClient(server) { client in
            try await withBrokers([ours]) {
                let bodies = Bodies()
                let subscription = try await ours.subscribe(.init(topic: "t")) { received in
                    bodies.add(received)
                    return .ack
                }
                for text in ["", "{", "null", "[]", "{\"Header\":1}", "{\"Body\":\"%\"}", "\u{0}"] {
                    try await client.publish(ByteBuffer(string: text), to: "t")
                }
                try await client.publish(ByteBuffer(string: "{\"Header\":{},\"Body\":\"b2s=\"}"), to: "t")
                try await eventually("the good one is there") { bodies.all == ["ok"] }
                #expect(subscription.dropped == 7)
                await subscription.cancel(deadline: .now)
            }
        }
        await server.stop()
    }

    @Test("Says at start that the credentials are refused")
    func refusedAtStart() async throws {
        let server = try await NATSServerProcess.start("authorization { token: \"secret\" }")
        let error = await #expect(throws: StartError.self) { try await broker(server).run() }
        #expect(error?.code == .security)
        await server.stop()
    }

    @Test("Refuses what is too large, and tells of missing permissions")
    func refusals() async throws {
        let server = try await NATSServerProcess.start(
            "max_payload: 2000\nauthorization { users: [ { user: u, password: p, permissions: { subscribe: [\"ok\"] } } ] }"
        )
        var client = NATSClient.Configuration(servers: [server.address])
        client.credentials = .user("u", password: "p")
        let ours = NATSBroker(configuration: .init(client: client))
        try await withBrokers([ours]) {
            let large = BrokerEvent(topic: "ok", body: EncodedMessage([UInt8](repeating: 0, count: 2000)))
            await #expect {
                try await ours.publish(large, to: "ok")
            } throws: { ($0 as? MicroError)?.status == .invalidArgument }
            await #expect {
                _ = try await ours.subscribe(.init(topic: "closed")) { _ in .ack }
            } throws: { ($0 as? MicroError)?.status == .permissionDenied }
        }
        await server.stop()
    }

    @Test("Speaks with a foreign client, both ways")
    func natsPy() async throws {
        let server = try await NATSServerProcess.start()
        let ours = broker(server)
        let script = server.directory.appendingPathComponent("peer.py")
        try Self.peer.write(to: script, atomically: true, encoding: .utf8)
        try await withBrokers([ours]) {
            let bodies = Bodies()
            let subscription = try await ours.subscribe(.init(topic: "to.swift", queue: "q")) { received in
                bodies.add(received)
                return received.event.header["From"] == "python" ? .ack : .nack()
            }
            let peer = try ForeignProgram(
                "python3", [script.path, "\(server.port)"], package: "python3 and pip install nats-py")
            try await peer.waitForOutput("ready")
            for number in 0..<10 {
                let event = BrokerEvent(
                    topic: "to.python", header: ["N": "\(number)"],
                    body: EncodedMessage(Array("b\(number)".utf8)))
                try await ours.publish(event, to: "to.python")
            }
            try await peer.waitForOutput("done 0=b0 1=b1 2=b2 3=b3 4=b4 5=b5 6=b6 7=b7 8=b8 9=b9")
            try await eventually("all of Python's events") { bodies.all.count == 10 }
            #expect(bodies.all == (0..<10).map { "p\($0)" })
            #expect(subscription.dropped == 0)
            await subscription.cancel(deadline: .now)
        }
        await server.stop()
    }

    private static let peer = """
        import asyncio, base64, json, sys, nats
        async def main():
            nc = await nats.connect("nats://127.0.0.1:" + sys.argv[1])
            sub = await nc.subscribe("to.python")
            await nc.flush()
            print("ready", flush=True)
            seen = []
            while len(seen) < 10:
                event = json.loads((await sub.next_msg(timeout=20)).data)
                seen.append(event["Header"]["N"] + "=" + base64.b64decode(event["Body"]).decode())
            for number in range(10):
                body = base64.b64encode(b"p%d" % number).decode()
                await nc.publish("to.swift", json.dumps({"Header": {"From": "python"}, "Body": body}).encode())
            await nc.drain()
            print("done", *seen, flush=True)
        asyncio.run(main())
        """
}
