import Foundation
import MicroNATS
import MicroTestSupport
import MicroTesting
import NIOCore
import Synchronization
import Testing

@Suite("JetStream", .timeLimit(.minutes(2)))
struct JetStreamTests {
    @Test("Stores, drops what is sent twice, and hands out until it is acknowledged")
    func basics() async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        try await withClient(server) { client in
            let jetStream = JetStream(client)
            #expect(try await jetStream.stream("S") == nil)
            try await jetStream.ensureStream(.init(name: "S", subjects: ["s.>"]))
            try await jetStream.ensureStream(.init(name: "S", subjects: ["s.a"]))
            await #expect(throws: NATSError.self) {
                try await jetStream.ensureStream(.init(name: "S", subjects: ["other"]))
            }
            #expect(try await jetStream.streams(holding: "s.x") == ["S"])
            let wider = try await jetStream.updateStream(.init(name: "S", subjects: ["s.>", "t.>"]))
            #expect(wider.config.subjects == ["s.>", "t.>"])
            #expect(try await jetStream.streams(holding: "t.x") == ["S"])
            let first = try await jetStream.publish(ByteBuffer(string: "one"), to: "s.a", messageID: "1")
            #expect(first.sequence == 1 && !first.isDuplicate && first.stream == "S")
            let again = try await jetStream.publish(ByteBuffer(string: "one"), to: "s.a", messageID: "1")
            #expect(again.sequence == 1 && again.isDuplicate)
            try await jetStream.publish(ByteBuffer(string: "two"), to: "s.a")
            var configuration = ConsumerConfiguration(durableName: "c", filterSubject: "s.a")
            configuration.ackWait = .milliseconds(300)
            try await jetStream.createConsumer(configuration, of: "S")
            let puller = try await JetStreamPuller(jetStream, stream: "S", consumer: "c")
            let one = try #require(try await puller.next(asking: 1))
            #expect(String(buffer: one.payload) == "one" && one.deliveries == 1 && one.streamSequence == 1)
            try await one.refuse(after: .milliseconds(50))
            let two = try #require(try await puller.next(asking: 1))
            #expect(String(buffer: two.payload) == "two")
            try await two.acknowledge()
            let retried = try #require(try await puller.next(asking: 1))
            #expect(retried.streamSequence == 1 && retried.deliveries == 2)
            // Without a word it comes again, with one it doesn't.
            let late = try #require(try await puller.next(asking: 1))
            #expect(late.streamSequence == 1 && late.deliveries == 3)
            try await late.terminate()
            try await client.flush()
            let info = try #require(try await jetStream.consumer("c", of: "S"))
            #expect(info.pending == 0)
            try await eventually("nothing waits") {
                try await jetStream.consumer("c", of: "S")?.pendingAcknowledgements == 0
            }
            try await jetStream.deleteConsumer("c", of: "S")
            #expect(try await jetStream.consumer("c", of: "S") == nil)
            try await jetStream.deleteStream("S")
        }
        await server.stop()
    }

    @Test("Publishing where no stream listens is tried ten times, a tenth of a second apart")
    func nowhere() async throws {
        let server = try await NATSServerProcess.start()
        try await withClient(server) { client in
            let clock = ManualClock()
            let jetStream = JetStream(client, clock: clock)
            async let failure = Self.failure { () async throws(NATSError) in
                try await jetStream.publish(ByteBuffer(), to: "nowhere")
            }
            for _ in 0..<9 { #expect(await clock.advanceToNextDeadline() == .milliseconds(100)) }
            #expect(await failure == .noResponders)
        }
        await server.stop()
    }

    @Test("Reads no answer of the API that is larger than it may be")
    func largeAnswer() async throws {
        let server = try await NATSServerProcess.start("max_payload: 4MB")
        try await withClient(server) { client in
            let requests = try await client.subscribe(to: "$JS.API.>")
            try await client.flush()
            for (size, isTooLarge) in [(1 << 20, false), ((1 << 20) + 1, true)] {
                async let info = JetStream(client, timeout: .seconds(60)).stream("S")
                var iterator = requests.makeAsyncIterator()
                let request = try #require(try await iterator.next())
                try await client.respond(to: request, with: ByteBuffer(repeating: 0x20, count: size))
                do {
                    _ = try await info
                    Issue.record("Spaces were read as an answer.")
                } catch {
                    let message = (error as? NATSError)?.message ?? ""
                    #expect(message.contains("at most 1048576 are read") == isTooLarge, "\(message)")
                }
            }
        }
        await server.stop()
    }

    private static func failure(
        _ body: @Sendable () async throws(NATSError) -> JetStream.PublishAck
    ) async -> NATSError.Code? {
        do throws(NATSError) {
            _ = try await body()
            return nil
        } catch {
            return error.code
        }
    }

    @Test("Says that the server has no JetStream")
    func without() async throws {
        let server = try await NATSServerProcess.start()
        try await withClient(server) { client in
            let error = await #expect(throws: NATSError.self) {
                try await JetStream(client).createStream(.init(name: "S", subjects: ["s"]))
            }
            #expect(error?.code == .noResponders && error?.message.contains("-js") == true)
            await #expect(throws: NATSError.self) { try await JetStream(client).stream("a.b") }
        }
        await server.stop()
    }

    @Test("Loses nothing that was stored over kill -9, restart, and publishing meanwhile")
    func restart() async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        try await withClient(server) { client in
            let jetStream = JetStream(client, timeout: .seconds(1))
            try await jetStream.createStream(.init(name: "S", subjects: ["s"]))
            try await jetStream.createConsumer(.init(durableName: "c"), of: "S")
            let stored = Counter()
            let total = 300
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<total {
                        try await jetStream.publish(
                            ByteBuffer(string: "\(number)"), to: "s", messageID: "id-\(number)",
                            within: .seconds(30))
                        stored.increment()
                    }
                }
                try await eventually("some are stored") { stored.value >= 50 }
                try await server.kill()
                let second = try await server.restarted()
                try await eventually("more are stored") { stored.value >= 150 }
                try await second.kill()
                let third = try await server.restarted()
                try await group.waitForAll()
                let puller = try await JetStreamPuller(jetStream, stream: "S", consumer: "c")
                var received: [Int] = []
                while received.count < total, let message = try await puller.next(asking: 100) {
                    received.append(Int(String(buffer: message.payload)) ?? -1)
                    try await message.acknowledge()
                }
                #expect(received == Array(0..<total))
                #expect(try await jetStream.stream("S")?.state.messages == UInt64(total))
                await third.stop()
            }
        }
    }

    @Test("Stores an event once although the connection is cut in the middle of publishing, again and again")
    func cuts() async throws {
        let server = try await NATSServerProcess.start(jetStream: true)
        let port = try FreePort.tcp()
        let script = server.directory.appendingPathComponent("cut.py")
        try Self.cutter.write(to: script, atomically: true, encoding: .utf8)
        let cutter = try ForeignProgram(
            "python3", [script.path, "\(port)", "\(server.port)"], package: "python3")
        try await cutter.waitForOutput("ready")
        var configuration = NATSClient.Configuration(servers: [NATSServer(host: "127.0.0.1", port: port)])
        configuration.reconnectDelay = .milliseconds(5) ... .milliseconds(50)
        try await withClient(server) { direct in
            try await JetStream(direct).createStream(.init(name: "S", subjects: ["s"]))
        }
        try await withClient(configuration) { client in
            let jetStream = JetStream(client, timeout: .milliseconds(500))
            for number in 0..<60 {
                let payload = ByteBuffer(repeating: UInt8(number), count: 2000)
                try await jetStream.publish(payload, to: "s", messageID: "id-\(number)", within: .seconds(60))
            }
            #expect(client.statistics.connections > 3)
        }
        try await withClient(server) { direct in
            let info = try await JetStream(direct).stream("S")
            #expect(info?.state.messages == 60)
        }
        await cutter.stop()
        await server.stop()
    }

    /// Passes bytes on, and cuts each connection after some of them: on the way there, or on the way back.
    private static let cutter = """
        import random, socket, sys, threading
        port, target = int(sys.argv[1]), int(sys.argv[2])
        listener = socket.create_server(("127.0.0.1", port))
        print("ready", flush=True)
        def pump(source, sink, left):
            try:
                while left > 0 and (data := source.recv(min(left, 4096))):
                    sink.sendall(data)
                    left -= len(data)
            except OSError:
                pass
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", target))
            there, back = (random.randint(1000, 30000), 10**9) if random.random() < 0.5 else (10**9, random.randint(900, 2000))
            threading.Thread(target=pump, args=(client, server, there), daemon=True).start()
            threading.Thread(target=pump, args=(server, client, back), daemon=True).start()
        """
}
