import HTTP2TestPeer
import Logging
import MicroCore
import MicroNIO
import MicroTestSupport
import MicroTransportHTTP2
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MicroGRPC
@testable import MicroHTTP2

/// Connections that are closed from inside nghttp2's callbacks, where the session must not be freed.
@Suite(.timeLimit(.minutes(2))) struct TearDownTests {
    /// When a handler closes its own connection.
    enum Moment: CaseIterable, Sendable {
        case inAccept, atStart, afterAnswering, afterSuspending, onCancellation
    }

    @Test(arguments: Moment.allCases)
    func aHandlerMayCloseItsOwnConnection(_ moment: Moment) async throws {
        let ended = Counter()
        let server = try await ClosingServer.open(moment) { ended.increment() }
        for round in 1...20 {
            let connection = try await RawConnection.open(to: server.address)
            // Three calls in one read: the second and third come behind the end.
            let fields = RawConnection.request("/test.Test/Close")
            let frames = [1, 3, 5].flatMap { stream in
                Frame.headers(fields, stream: stream).bytes + Frame.data(framed([1]), stream: stream).bytes
            }
            try await connection.send(frames + Frame.reset(ErrorCode.cancel, stream: 1).bytes)
            #expect(try await connection.ends())
            await connection.close()
            try await eventually("the connection to be gone") { ended.value == round }
        }
        await server.close()
    }

    /// A handler that shuts its own listener down.
    @Test func aHandlerMayShutItsListenerDown() async throws {
        let listener = Mutex<(any Listener)?>(nil)
        let handler = ClosureHandler { _ in
            .unary(
                { (_, message) async throws(MicroError) in
                    // The shutdown waits for this handler, so the handler can't wait for it.
                    if let listener = listener.withLock({ $0 }) {
                        Task { await listener.shutdown(deadline: .now + .seconds(300)) }
                    }
                    return UnaryReply(message)
                }, ExecutionPolicy(.inPlace))
        }
        let open = try await HTTP2Transport().listen(on: .host("127.0.0.1", port: 0), handler: handler)
        listener.withLock { $0 = open }
        let connection = try await RawConnection.open(to: open.address)
        #expect(try await connection.call()["grpc-status"] == "0")
        #expect(try await connection.ends())
        await connection.close()
        await open.shutdown(deadline: .now)
    }
}

/// A listener whose handler closes the connection of its call, as the transport's own code would.
private final class ClosingServer: CallHandler {
    private let moment: TearDownTests.Moment
    private let connections = Mutex<[ObjectIdentifier: NIOLoopBound<HTTP2Connection>]>([:])
    private let channel = Mutex<(any Channel)?>(nil)

    var address: ListenAddress { .host("127.0.0.1", port: channel.withLock { $0?.localAddress?.port } ?? 0) }

    private init(_ moment: TearDownTests.Moment) { self.moment = moment }

    static func open(
        _ moment: TearDownTests.Moment, onEnd: @escaping @Sendable () -> Void
    ) async throws -> ClosingServer {
        let server = ClosingServer(moment)
        let channel = try await ServerBootstrap(group: EventLoops.group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let peer = Peer(address: "test")
                    let calls = ServerConnection(
                        handler: server, peer: peer, limits: GRPCLimits(), logger: .current, onEnd: onEnd)
                    let connection = try HTTP2Connection(
                        serving: calls, limits: HTTP2Limits(), loop: channel.eventLoop)
                    server.connections.withLock {
                        $0[ObjectIdentifier(peer)] = NIOLoopBound(connection, eventLoop: channel.eventLoop)
                    }
                    try channel.pipeline.syncOperations.addHandler(connection)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        server.channel.withLock { $0 = channel }
        return server
    }

    func close() async { try? await channel.withLock { $0 }?.close().get() }

    /// Closes the connection of a call; on its loop only.
    private func end(_ peer: Peer?) {
        guard let peer else { return }
        connections.withLock { $0[ObjectIdentifier(peer)] }?.value.close("The handler closed it.")
    }

    func accept(_ head: CallHead) -> CallDecision {
        if moment == .inAccept { end(head.peer) }
        return .stream(
            { (head, stream) async throws(MicroError) in
                switch self.moment {
                case .inAccept: break
                case .atStart: self.end(head.peer)
                case .afterAnswering:
                    try await stream.send(EncodedMessage([1]))
                    self.end(head.peer)
                case .afterSuspending:
                    await Task.yield()
                    self.end(head.peer)
                case .onCancellation:
                    let peer = head.peer
                    await withTaskCancellationHandler {
                        // The end of the call, or its error, is the end here.
                        while let message = try? await stream.receive(), !message.isEmpty {}
                    } onCancel: {
                        self.end(peer)
                    }
                }
                return [:]
            }, ExecutionPolicy(.inPlace))
    }
}
