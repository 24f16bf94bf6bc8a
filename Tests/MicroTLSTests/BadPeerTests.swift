import MicroCore
import MicroTLS
import MicroTestSupport
import NIOCore
import NIOPosix
import Testing

@Suite("Peers that don't keep to TLS", .timeLimit(.minutes(2)))
struct BadPeerTests {
    @Test(
        "A peer that doesn't speak TLS is told apart",
        arguments: [
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
            "\u{0}\u{0}\u{0}\u{4}garbage that is long enough",
        ])
    func plaintextToServer(_ text: String) async throws {
        let server = try await LoopbackServer.start(try await Security().server())
        let client = try await connect(to: server.port, nil)
        try await client.send(Array(text.utf8))
        try await client.record.waitForClose()
        let error = try await server.end().record.waitForTLSError()
        #expect(error.code == .notTLS)
        #expect(error.message.contains("plaintext"))
        try await server.stop()
    }

    @Test("A server that doesn't speak TLS is told apart")
    func plaintextServer() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                // An HTTP/2 server speaks first, with its settings.
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Greeter())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let client = try await connect(
            to: try #require(channel.localAddress?.port), try await Security().client())
        try await client.record.waitForClose()
        #expect(client.record.tlsError?.code == .notTLS)
        try await channel.close()
    }

    @Test("Damaged records end the connection with an error, whatever is damaged")
    func damaged() async throws {
        let server = try await LoopbackServer.start(try await Security().server())
        for seed in 0..<40 {
            let client = try await connect(to: server.port, nil)
            // A handshake record of a believable form with nonsense inside.
            let nonsense = Array(pattern(2000).dropFirst(seed * 7).prefix(200 + seed))
            let length = UInt8(truncatingIfNeeded: nonsense.count)
            let head: [UInt8] = [22, 3, 1, 0, length, 1, 0, 0, length &- 4 &- UInt8(seed % 2)]
            try await client.send(head + nonsense.dropFirst(4))
            client.channel.close(mode: .output, promise: nil)
            let end = try await server.end(seed)
            try await end.record.waitForClose()
            #expect(end.record.tlsError != nil)
            #expect(end.record.now.handshake == nil)
            try await client.close()
        }
        try await server.stop()
    }

    @Test(
        "A peer that says nothing, or stops within the handshake, runs into the time limit",
        arguments: [0, 3, 40])
    func silence(_ count: Int) async throws {
        let context = try await Security().server()
        let server = try await LoopbackServer.start(context, timeout: .milliseconds(100))
        let client = try await connect(to: server.port, nil)
        let start = [22, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3] + [UInt8](repeating: 7, count: 40)
        // It may come too late; the server's answer to it is the same.
        client.channel.writeAndFlush(ByteBuffer(bytes: start.prefix(count)), promise: nil)
        try await client.record.waitForClose()
        #expect(try await server.end().record.waitForTLSError().code == .timeout)
        try await server.stop()
    }

    @Test("A client gives a silent server up, and what it wrote fails")
    func silentServer() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let client = try await connect(
            to: try #require(channel.localAddress?.port), try await Security().client(),
            timeout: .milliseconds(100))
        await #expect(throws: (any Error).self) { try await client.send([1, 2, 3]) }
        try await client.record.waitForClose()
        #expect(client.record.tlsError?.code == .timeout)
        try await channel.close()
    }

    @Test("Too much written before the handshake ends the connection")
    func earlyFlood() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let client = try await connect(
            to: try #require(channel.localAddress?.port), try await Security().client())
        await #expect(throws: TLSError.self) { try await client.send(pattern((1 << 20) + 1)) }
        try await client.record.waitForClose()
        #expect(client.record.tlsError?.message.contains("before the TLS handshake") == true)
        try await channel.close()
    }

    @Test("A connection that is closed within the handshake ends on both sides")
    func closedInHandshake() async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server())
        let plain = try await connect(to: server.port, nil)
        try await plain.send([22, 3, 1])
        try await plain.close()
        try await server.end().record.waitForClose()
        #expect(try await server.end().record.waitForTLSError().code == .closed)

        let client = try await connect(to: server.port, try await security.client())
        try await client.close()
        try await client.record.waitForClose()
        #expect(client.record.tlsError == nil)
        try await server.end(1).record.waitForClose()
        try await server.stop()
    }

    @Test("A handler that closes the channel itself when it hears of an error does no harm")
    func closeInError() async throws {
        let server = try await LoopbackServer.start(try await Security().server(), .closeInError)
        let client = try await connect(to: server.port, nil)
        try await client.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        try await client.record.waitForClose()
        #expect(try await server.end().record.now.errors.count == 1)
        try await server.stop()
    }
}

/// Sends the settings of HTTP/2 as soon as somebody connects.
private final class Greeter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(NIOAny(ByteBuffer(bytes: [0, 0, 0, 4, 0, 0, 0, 0, 0])), promise: nil)
    }
}
