import CNghttp2
import HTTP2TestPeer
import InMemoryLogging
import Logging
import MicroCore
import NIOCore
import NIOEmbedded
import Testing

@testable import MicroGRPC
@testable import MicroHTTP2

/// Header blocks that nghttp2 takes and then doesn't send: it reports them by `on_frame_not_send`, and their calls end.
///
/// What is too long is refused before it comes to that, so these tests hand it over themselves.
@Suite(.timeLimit(.minutes(2))) struct UnsentHeadersTests {
    /// More than nghttp2 sends in one header block.
    private static func tooLong(_ fields: [(StaticString, String)]) -> FieldBlock {
        var block = FieldBlock()
        for (name, value) in fields { block.add(name, value) }
        block.add("x-long", String(repeating: "v", count: 70_000))
        return block
    }

    /// Begins a call whose request can't be sent.
    private func unsentCall(of client: EmbeddedClient) throws -> ClientStream {
        let connection = client.connection.http2
        let stream = ClientStream(client.connection, key: CallKey(), trailers: TrailingMetadata())
        let fields = Self.tooLong([
            (":method", "POST"), (":scheme", "http"), (":path", "/test.Test/Stream"), (":authority", "test"),
        ])
        stream.id = try #require(connection.session.submitRequest(fields, for: stream, hasBody: true))
        connection.insert(stream)
        connection.setNeedsFlush()
        return stream
    }

    @Test func ofARequestEndTheCallAlone() throws {
        let client = try EmbeddedClient()
        let stream = try unsentCall(of: client)
        #expect(try client.sent().filter { $0.kind == .headers }.isEmpty)
        let error = try #require(stream.failure)
        #expect(error.status == .internal)
        #expect(error.processed == .no)
        #expect(error.detail.contains("could not be sent"))
        // The next call of the connection is not concerned.
        let next = client.call()
        #expect(next.error == nil)
        #expect(try client.sent().contains { $0.kind == .headers })
        #expect(next.stream.failure == nil)
        try client.close()
    }

    @Test func ofAnAnswerResetTheCallAndAreLogged() throws {
        let log = InMemoryLogHandler()
        let loop = EmbeddedEventLoop()
        let server = ServerConnection(
            handler: TestServer(.inPlace), peer: Peer(address: "test"), limits: GRPCLimits(),
            logger: Logger(label: "test") { _ in log }, onEnd: {})
        let connection = try HTTP2Connection(serving: server, limits: HTTP2Limits(), loop: loop)
        let channel = EmbeddedChannel(handler: connection, loop: loop)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        let request = Frame.headers(RawConnection.request("/test.Test/Echo"), stream: 1)
        try channel.writeInbound(ByteBuffer(bytes: Frame.opening + request.bytes))
        loop.run()
        let stream = try #require(connection.allStreams.first)
        while try channel.readOutbound(as: ByteBuffer.self) != nil {}

        connection.session.submitResponse(Self.tooLong([(":status", "200")]), for: stream, hasBody: false)
        connection.setNeedsFlush()
        loop.run()
        var bytes: [UInt8] = []
        while let part = try channel.readOutbound(as: ByteBuffer.self) { bytes += part.readableBytesView }
        // INTERNAL_ERROR, and nothing else.
        #expect(bytes == Frame.reset(2, stream: 1).bytes)
        let lines = log.entries.filter {
            $0.message == "An answer could not be sent, and its call was reset."
        }
        #expect(lines.count == 1)
        #expect(lines.first?.level == .error)
        #expect(connection.allStreams.isEmpty)
        _ = try channel.finish(acceptAlreadyClosed: true)
        loop.run()
    }

    /// Both sides have a table of fields, and they are not the same any more.
    @Test func thatCouldNotBeCompressedEndTheConnection() throws {
        let client = try EmbeddedClient()
        let call = client.call()
        client.connection.http2.headersNotSent(for: call.stream, code: NGHTTP2_ERR_HEADER_COMP.rawValue)
        client.connection.http2.setNeedsFlush()
        let goAway = try #require(try client.sent().first { $0.kind == .goAway })
        #expect(goAway.number(at: 4) == 2)
        try client.close()
    }

    @Test(arguments: [
        NGHTTP2_ERR_STREAM_CLOSED, NGHTTP2_ERR_STREAM_CLOSING, NGHTTP2_ERR_STREAM_SHUT_WR,
        NGHTTP2_ERR_SESSION_CLOSING, NGHTTP2_ERR_START_STREAM_NOT_ALLOWED,
    ])
    func ofAStreamThatHasEndedSayNothingNew(code: nghttp2_error) throws {
        let client = try EmbeddedClient()
        let call = client.call()
        client.connection.http2.headersNotSent(for: call.stream, code: code.rawValue)
        #expect(call.stream.failure == nil)
        try client.close()
    }
}
