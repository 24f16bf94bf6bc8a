import HTTP2TestPeer
import Logging
import MicroCore
import NIOCore
import NIOEmbedded
import Testing

@testable import MicroGRPC

/// A connection that is gone is freed, whatever its peer sent last.
@Suite struct ReleaseTests {
    struct Ending: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var frames: [Frame]
    }

    private static let request = RawConnection.request("/test.Test/Stream")

    static let endings: [Ending] = [
        Ending(testDescription: "nothing", frames: []),
        Ending(testDescription: "a call that runs", frames: [.headers(request, stream: 1)]),
        Ending(
            testDescription: "a malformed request",
            frames: [.headers(RawConnection.request("/test.Test/Stream", [":path": nil]), stream: 1)]),
        Ending(
            testDescription: "a header block that doesn't end",
            frames: [Frame(.headers, stream: 1, Frame.block(request))]),
        Ending(
            testDescription: "malformed trailers",
            frames: [
                .headers(request, stream: 1),
                Frame(
                    .headers, flags: Frame.endHeaders | Frame.endStream, stream: 1,
                    Frame.block([(":path", "/")])),
            ]),
        Ending(
            testDescription: "a damaged header block",
            frames: [
                Frame(.headers, flags: Frame.endHeaders, stream: 1, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
            ]),
    ]

    @Test(arguments: endings)
    func isFreed(_ ending: Ending) throws {
        weak let connection: ServerConnection? = try serve(ending.frames)
        #expect(connection == nil)
    }

    /// Serves a client that sends some frames and closes, until nothing is left to do.
    private func serve(_ frames: [Frame]) throws -> ServerConnection? {
        let loop = EmbeddedEventLoop()
        weak var freed: ServerConnection?
        do {
            let connection = try ServerConnection(
                handler: TestServer(.inPlace), peer: Peer(address: "test"), limits: HTTP2Limits(), loop: loop,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onEnd: {})
            freed = connection
            let channel = EmbeddedChannel(handler: connection, loop: loop)
            channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
            let bytes = RawConnection.preface + ([Frame(.settings)] + frames).flatMap(\.bytes)
            try channel.writeInbound(ByteBuffer(bytes: bytes))
            loop.run()
            _ = try channel.finish(acceptAlreadyClosed: true)
            loop.run()
        }
        return freed
    }
}
