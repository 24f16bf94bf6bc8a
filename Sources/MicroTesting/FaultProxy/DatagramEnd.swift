import NIOCore
import NIOPosix

/// The socket that all clients' datagrams come to.
///
/// It is confined to the relay's loop.
final class DatagramFront: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let relay: Relay
    private var connections: [SocketAddress: RelayedConnection] = [:]

    private init(_ relay: Relay) { self.relay = relay }

    /// Opens a port for clients.
    static func listen(_ relay: NIOLoopBound<Relay>, on loop: any EventLoop) async throws -> any Channel {
        try await DatagramBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramFront(relay.value))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        guard !relay.isRefusing else { return }
        connection(of: envelope.remoteAddress, context.channel).received(envelope.data, .toServer)
    }

    /// A peer that has no port open any more is no reason to stop.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}

    private func connection(of client: SocketAddress, _ channel: any Channel) -> RelayedConnection {
        if let known = connections[client] { return known }
        let connection = relay.open(DatagramClient(channel, client)) { [weak self] in
            self?.connections[client] = nil
        }
        connections[client] = connection
        relay.begin(connection)
        return connection
    }
}

/// A client that sends datagrams, by way of the socket that is all clients'.
private final class DatagramClient: RelayEnd {
    private let channel: any Channel
    private let address: SocketAddress

    init(_ channel: any Channel, _ address: SocketAddress) {
        self.channel = channel
        self.address = address
    }

    var isWritable: Bool { true }

    func write(_ bytes: ByteBuffer) {
        channel.writeAndFlush(AddressedEnvelope(remoteAddress: address, data: bytes), promise: nil)
    }

    func setReading(_ isReading: Bool) {}

    func closeOutput(_ completion: @escaping () -> Void) {}

    func close(isReset: Bool) {}
}

/// A socket for the datagrams of one client to the server, and for its answers.
///
/// It is confined to the relay's loop.
final class DatagramEnd: ChannelInboundHandler, RelayEnd {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let channel: any Channel
    private var connection: RelayedConnection?

    private init(_ channel: any Channel, _ connection: RelayedConnection) {
        self.channel = channel
        self.connection = connection
    }

    /// Opens a socket that sends to the server.
    static func connect(
        to server: (host: String, port: Int), for connection: RelayedConnection, on loop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        let connection = NIOLoopBound(connection, eventLoop: loop)
        return DatagramBootstrap(group: loop)
            .connect(host: server.host, port: server.port)
            .flatMapThrowing { channel in
                let end = DatagramEnd(channel, connection.value)
                try channel.pipeline.syncOperations.addHandler(end)
                connection.value.connected(to: end)
                return channel
            }
    }

    var isWritable: Bool { true }

    func write(_ bytes: ByteBuffer) {
        guard let server = channel.remoteAddress else { return }
        channel.writeAndFlush(AddressedEnvelope(remoteAddress: server, data: bytes), promise: nil)
    }

    func setReading(_ isReading: Bool) {}

    func closeOutput(_ completion: @escaping () -> Void) {}

    func close(isReset: Bool) {
        connection = nil
        channel.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection?.received(unwrapInboundIn(data).data, .toClient)
    }

    /// A server that isn't there is no reason to stop: it may come.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
