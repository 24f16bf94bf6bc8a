import HTTP2TestPeer
import Logging
import MicroCore
import NIOCore
import NIOEmbedded
import Testing

@testable import MicroGRPC
@testable import MicroHTTP2

/// A connection that is gone is freed, whatever its peer sent last.
@Suite(.timeLimit(.minutes(2))) struct ReleaseTests {
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
        weak var served: ServerConnection?
        weak var closed: HTTP2Connection?
        do {
            let server = ServerConnection(
                handler: TestServer(.inPlace), peer: Peer(address: "test"), limits: GRPCLimits(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onEnd: {})
            served = server
            let connection = try HTTP2Connection(serving: server, limits: HTTP2Limits(), loop: loop)
            closed = connection
            try serve(connection, Frame.opening + ending.frames.flatMap(\.bytes))
        }
        #expect(served == nil)
        #expect(closed == nil)
    }

    private let loop = EmbeddedEventLoop()

    /// Lets a connection read some bytes, and then the end of them.
    private func serve(_ connection: HTTP2Connection, _ bytes: [UInt8]) throws {
        let channel = EmbeddedChannel(handler: connection, loop: loop)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        loop.advanceTime(by: .seconds(5))
        _ = try channel.finish(acceptAlreadyClosed: true)
        loop.run()
    }
}
