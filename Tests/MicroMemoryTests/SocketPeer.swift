import MicroTestSupport
import NIOCore
import NIOPosix
import Synchronization

/// What a socket has received.
final class Received: Sendable {
    struct State {
        var bytes: [UInt8] = []
        var datagrams: [[UInt8]] = []
        var hasEnded = false
        var wasReset = false
        var isClosed = false
    }

    private let state = Mutex(State())

    var now: State { state.withLock { $0 } }
    var text: String { String(decoding: now.bytes, as: UTF8.self) }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }
}

/// Notes what a socket receives, and sends it back if it should.
private final class Receiver: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let received: Received
    private let echoes: Bool

    init(_ received: Received, echoes: Bool) { (self.received, self.echoes) = (received, echoes) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Array(unwrapInboundIn(data).readableBytesView)
        received.change { $0.bytes += bytes }
        if echoes { context.writeAndFlush(data, promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { received.change { $0.hasEnded = true } }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let isReset = (error as? IOError)?.errnoCode == ECONNRESET
        if isReset { received.change { $0.wasReset = true } }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { received.change { $0.isClosed = true } }
}

/// A socket of TCP.
struct SocketPeer: Sendable {
    let channel: any Channel
    let received: Received

    static func connect(to address: String) async throws -> SocketPeer {
        let received = Received()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Receiver(received, echoes: false))
                }
            }
            .connect(host: "127.0.0.1", port: Int(address.split(separator: ":").last ?? "") ?? 0).get()
        return SocketPeer(channel: channel, received: received)
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    func closeOutput() async throws { try await channel.close(mode: .output).get() }

    func close() async {
        do { try await channel.close() } catch {
            // It was closed by the other side.
        }
    }
}

/// A server on a free port.
final class SocketServer: Sendable {
    private final class Accepted: Sendable { let peers = Mutex<[SocketPeer]>([]) }

    let address: String
    private let channel: any Channel
    private let accepted: Accepted

    private init(_ channel: any Channel, _ accepted: Accepted) {
        self.channel = channel
        self.accepted = accepted
        address = "127.0.0.1:\(channel.localAddress?.port ?? 0)"
    }

    static func start(echoes: Bool = true) async throws -> SocketServer {
        let accepted = Accepted()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let received = Received()
                    try channel.pipeline.syncOperations.addHandler(Receiver(received, echoes: echoes))
                    accepted.peers.withLock {
                        $0.append(SocketPeer(channel: channel, received: received))
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return SocketServer(channel, accepted)
    }

    var count: Int { accepted.peers.withLock(\.count) }

    func peer(_ index: Int = 0) async throws -> SocketPeer {
        try await eventually("a connection") {
            let peers = accepted.peers.withLock { $0 }
            return index < peers.count ? peers[index] : nil
        }
    }

    func stop() async throws {
        try await channel.close()
        for peer in accepted.peers.withLock({ $0 }) { await peer.close() }
    }
}

/// A socket of UDP, which sends what it gets back if it should.
struct DatagramPeer: Sendable {
    let channel: any Channel
    let received: Received

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        private let received: Received
        private let echoes: Bool

        init(_ received: Received, echoes: Bool) { (self.received, self.echoes) = (received, echoes) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).data.readableBytesView)
            received.change { $0.datagrams.append(bytes) }
            if echoes { context.writeAndFlush(data, promise: nil) }
        }
    }

    static func open(echoes: Bool = false) async throws -> DatagramPeer {
        let received = Received()
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(received, echoes: echoes))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return DatagramPeer(channel: channel, received: received)
    }

    var address: String { "127.0.0.1:\(channel.localAddress?.port ?? 0)" }

    func send(_ bytes: [UInt8], to address: String) async throws {
        let port = Int(address.split(separator: ":").last ?? "") ?? 0
        let target = try SocketAddress(ipAddress: "127.0.0.1", port: port)
        try await channel.writeAndFlush(
            AddressedEnvelope(remoteAddress: target, data: ByteBuffer(bytes: bytes)))
    }

    func close() async throws { try await channel.close() }
}
