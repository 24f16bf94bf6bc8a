import NIOCore
import NIOPosix

/// A socket of TCP.
///
/// It is confined to the relay's loop.
final class StreamEnd: ChannelInboundHandler, RelayEnd {
    typealias InboundIn = ByteBuffer

    private let channel: any Channel

    /// Where its bytes go.
    private let direction: FaultProxy.Direction

    /// Released when the socket is closed, which is the end of the connection as well.
    private var connection: RelayedConnection?
    private let onActive: (StreamEnd) -> Void

    private var hasReadEnd = false
    private var hasClosedOutput = false
    private var hasFailed = false

    private init(
        _ channel: any Channel, _ direction: FaultProxy.Direction, onActive: @escaping (StreamEnd) -> Void
    ) {
        self.channel = channel
        self.direction = direction
        self.onActive = onActive
    }

    /// Opens a port for clients.
    static func listen(_ relay: NIOLoopBound<Relay>, on loop: any EventLoop) async throws -> any Channel {
        try await ServerBootstrap(group: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let end = StreamEnd(channel, .toServer) { end in
                        guard !relay.value.isRefusing else { return end.close(isReset: true) }
                        let connection = relay.value.open(end)
                        end.connection = connection
                        relay.value.begin(connection)
                    }
                    try channel.pipeline.syncOperations.addHandler(end)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    /// Connects to the server.
    static func connect(
        to server: (host: String, port: Int), for connection: RelayedConnection, on loop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        let connection = NIOLoopBound(connection, eventLoop: loop)
        return ClientBootstrap(group: loop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let end = StreamEnd(channel, .toClient) { end in
                        end.connection = connection.value
                        connection.value.connected(to: end)
                    }
                    try channel.pipeline.syncOperations.addHandler(end)
                }
            }
            .connect(host: server.host, port: server.port)
    }

    var isWritable: Bool { channel.isWritable }

    func write(_ bytes: ByteBuffer) { channel.writeAndFlush(bytes, promise: nil) }

    func setReading(_ isReading: Bool) {
        guard channel.isActive else { return }
        // It fails if the socket is closed, and then nothing is read anyway.
        try? channel.syncOptions?.setOption(.autoRead, value: isReading)
    }

    func closeOutput(_ completion: @escaping () -> Void) {
        hasClosedOutput = true
        let promise = channel.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in completion() }
        channel.close(mode: .output, promise: promise)
    }

    func close(isReset: Bool) {
        connection = nil
        // Closing a socket that lingers for no time resets it.
        let options = isReset ? channel as? any SocketOptionProvider : nil
        options?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenFailure { _ in }
        channel.close(promise: nil)
    }

    // MARK: - The channel's events

    func channelActive(context: ChannelHandlerContext) { onActive(self) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection?.received(unwrapInboundIn(data), direction)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .inputClosed? = event as? ChannelEvent else { return }
        hasReadEnd = true
        connection?.received(.end, direction)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) { connection?.pump() }

    func channelInactive(context: ChannelHandlerContext) {
        // A socket of which our half is closed already reports the other half's end by this alone.
        if hasFailed || !hasClosedOutput {
            connection?.received(.reset, direction)
        } else if !hasReadEnd {
            connection?.received(.end, direction)
        }
        connection = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The peer has reset the connection, and so the other end is.
        hasFailed = true
        context.close(promise: nil)
    }
}
