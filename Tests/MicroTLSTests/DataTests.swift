import MicroCore
import MicroTLS
import MicroTestSupport
import NIOCore
import Testing

@Suite("Data over TLS", .timeLimit(.minutes(2)))
struct DataTests {
    @Test("Ten MiB come back as they were", arguments: [10 << 20])
    func large(_ size: Int) async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server(), .echo)
        let client = try await connect(to: server.port, try await security.client())
        let bytes = pattern(size)
        try await client.send(bytes)
        try await client.record.wait("the echo") { $0.received.count >= size || $0.isClosed }
        #expect(client.record.now.received == bytes)
        try await client.close()
        try await server.stop()
    }

    @Test("Many small writes come back in order, each promise fulfilled")
    func small() async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server(), .echo)
        let client = try await connect(to: server.port, try await security.client())
        let bytes = pattern(60_000)
        let promises = bytes.indices.filter { $0 % 6 == 0 }.map { start in
            let future = client.channel.write(ByteBuffer(bytes: bytes[start..<(start + 6)]))
            if start % 1002 == 0 { client.channel.flush() }
            return future
        }
        client.channel.flush()
        for promise in promises { try await promise.get() }
        try await client.record.wait("the echo") { $0.received.count >= bytes.count || $0.isClosed }
        #expect(client.record.now.received == bytes)
        try await client.close()
        try await server.stop()
    }

    @Test("A channel that reads only on demand gets its handshake and data")
    func manualReading() async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server(), .echo)
        let client = try await connect(to: server.port, try await security.client(), autoRead: false)
        _ = try await client.record.waitForHandshake()
        let bytes = pattern(100)
        try await client.send(bytes)
        client.channel.read()
        try await client.record.wait("the echo") { $0.received.count >= bytes.count || $0.isClosed }
        #expect(client.record.now.received == bytes)
        try await client.close()
        try await server.stop()
    }

    @Test(
        "A close is seen as a close, whoever closes and whenever",
        arguments: [
            Recorder.Behaviour.closeOnData, .closeOnHandshake,
        ])
    func closing(_ behaviour: Recorder.Behaviour) async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server(), behaviour)
        let client = try await connect(to: server.port, try await security.client())
        if behaviour == .closeOnData {
            // Only there: bytes that arrive after a close make the system reset the connection, and the
            // notification that was sent before is lost with it.
            client.channel.writeAndFlush(ByteBuffer(string: "hello"), promise: nil)
        }
        try await client.record.waitForClose()
        try await server.end().record.waitForClose()
        #expect(try await server.end().record.now.errors.isEmpty)
        #expect(client.record.tlsError == nil)
        try await server.stop()
    }

    @Test("Writes after the close fail")
    func writeAfterClose() async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server())
        let client = try await connect(to: server.port, try await security.client())
        _ = try await client.record.waitForHandshake()
        let unflushed = client.channel.write(ByteBuffer(string: "lost"))
        try await client.close()
        await #expect(throws: TLSError.self) { try await unflushed.get() }
        await #expect(throws: (any Error).self) { try await client.send([1]) }
        try await server.stop()
    }

    @Test("A half-close closes")
    func halfClose() async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server())
        let client = try await connect(to: server.port, try await security.client())
        _ = try await client.record.waitForHandshake()
        try await client.channel.close(mode: .output)
        try await client.record.waitForClose()
        try await server.end().record.waitForClose()
        #expect(try await server.end().record.now.errors.isEmpty)
        try await server.stop()
    }
}
