package import MicroCore
import MicroTLS
import MicroTestSupport
import NIOCore
import NIOPosix
import Synchronization

/// A connection on which a test sends and reads the bytes itself, as client or as server.
package final class RawConnection: Sendable {
    private let channel: any Channel
    private let received: ReceivedBytes
    private let inflater = Mutex(Inflater())

    /// The table of header fields, used under the lock only.
    private struct Inflater: @unchecked Sendable {
        // Sendable because the object never leaves the Mutex that holds it.
        let value = HeaderInflater()
    }

    fileprivate init(_ channel: any Channel, _ received: ReceivedBytes) {
        self.channel = channel
        self.received = received
    }

    /// A thread of their own, so that a handler that holds its connection's thread doesn't hold theirs.
    fileprivate static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// Connects to a listener, whose certificate is of `localhost` if there is TLS.
    package static func connect(
        to address: ListenAddress, tls: TLSConfiguration? = nil
    ) async throws -> RawConnection {
        let received = ReceivedBytes()
        let security = try tls.map { try TLSContext($0, role: .client, alpn: ["h2"]) }
        let bootstrap = ClientBootstrap(group: group)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let security {
                        try channel.pipeline.syncOperations.addHandler(
                            TLSHandler(security, peer: .host("localhost")))
                    }
                    try channel.pipeline.syncOperations.addHandler(ByteReader(received))
                }
            }
        guard let (host, port) = address.hostPort else { throw Waited(for: "an address with a port") }
        return RawConnection(try await bootstrap.connect(host: host, port: port).get(), received)
    }

    package func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    package func send(_ frames: Frame...) async throws { try await send(frames.flatMap(\.bytes)) }

    /// Stops or begins to read from the socket.
    package func setReading(_ isReading: Bool) async throws {
        try await channel.setOption(.autoRead, value: isReading).get()
        if isReading { channel.read() }
    }

    /// Returns so many bytes, or `nil` if the connection ended before.
    package func bytes(_ count: Int) async throws -> [UInt8]? {
        try await eventually("\(count) bytes") {
            if let bytes = self.received.take(count) { return .some(bytes) }
            return self.received.hasEnded ? .some(nil) : nil
        }
    }

    /// Returns the next frame, or `nil` if the connection ended.
    package func frame() async throws -> Frame? {
        guard let head = try await bytes(9) else { return nil }
        let length = head[..<3].reduce(0) { $0 << 8 | Int($1) }
        let stream = head[5...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
        guard let payload = try await bytes(length) else { return nil }
        return Frame(type: head[3], flags: head[4], stream: stream, payload: payload)
    }

    /// Returns the next frame that matches, and drops those in front of it.
    package func frame(where matches: (Frame) -> Bool) async throws -> Frame? {
        while let frame = try await frame() {
            if matches(frame) { return frame }
        }
        return nil
    }

    /// Returns the fields of a HEADERS frame; every frame's must be read, in their order.
    package func fields(of frame: Frame) throws -> [(String, String)] {
        let fields = inflater.withLock { $0.value.fields(of: frame.payload) }
        guard let fields else { throw Waited(for: "a header block that is not damaged") }
        return fields
    }

    /// Whether the other side has closed the connection.
    package func ends() async throws -> Bool {
        while try await frame() != nil {}
        return true
    }

    /// Whether the connection ended with an error of the socket, such as a reset.
    package var hasFailed: Bool { received.hasFailed }

    /// Closes the connection as a socket with unread bytes is closed: what is on its way is lost.
    package func reset() async throws {
        guard let socket = channel as? any SocketOptionProvider else { throw Waited(for: "a socket") }
        try await socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await channel.close().get()
    }

    package func close() async { try? await channel.close().get() }
}

/// A listener whose connections a test serves itself.
package final class RawListener: Sendable {
    private let channel: any Channel
    private let source: Accepted

    package let address: ListenAddress

    package static func open() async throws -> RawListener {
        let accepted = Accepted()
        let channel = try await ServerBootstrap(group: RawConnection.group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let received = ReceivedBytes()
                    try channel.pipeline.syncOperations.addHandler(ByteReader(received))
                    accepted.connections.withLock { $0.append(RawConnection(channel, received)) }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return RawListener(channel, accepted, port: channel.localAddress?.port ?? 0)
    }

    private init(_ channel: any Channel, _ source: Accepted, port: Int) {
        self.channel = channel
        self.source = source
        address = .host("127.0.0.1", port: port)
    }

    /// Returns the next connection that was made to the listener.
    package func accept() async throws -> RawConnection {
        try await eventually("a connection") {
            self.source.connections.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        }
    }

    package func close() async { try? await channel.close().get() }
}

private final class Accepted: Sendable {
    let connections = Mutex<[RawConnection]>([])
}

/// What a connection has brought.
private final class ReceivedBytes: Sendable {
    private let state = Mutex<(bytes: [UInt8], hasEnded: Bool, hasFailed: Bool)>(([], false, false))

    var hasEnded: Bool { state.withLock(\.hasEnded) }
    var hasFailed: Bool { state.withLock(\.hasFailed) }

    func append(_ bytes: some Sequence<UInt8> & Sendable) { state.withLock { $0.bytes += bytes } }
    func end() { state.withLock { $0.hasEnded = true } }
    func fail() { state.withLock { $0.hasFailed = true } }

    func take(_ count: Int) -> [UInt8]? {
        state.withLock { state in
            guard state.bytes.count >= count else { return nil }
            defer { state.bytes.removeFirst(count) }
            return Array(state.bytes.prefix(count))
        }
    }
}

private final class ByteReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let received: ReceivedBytes

    init(_ received: ReceivedBytes) { self.received = received }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.append(Array(unwrapInboundIn(data).readableBytesView))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { received.end() }
    }

    func channelInactive(context: ChannelHandlerContext) { received.end() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        received.fail()
        context.close(promise: nil)
    }
}

/// Something that a test can't go on without.
package struct Waited: Error, CustomStringConvertible {
    package let description: String

    package init(for what: String) { description = "Waited in vain for \(what)." }
}
