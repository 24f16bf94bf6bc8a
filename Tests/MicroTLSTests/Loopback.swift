import MicroCore
import MicroTLS
import MicroTestSupport
import NIOCore
import NIOPosix
import Synchronization

/// What one end of a connection has seen.
final class Record: Sendable {
    struct State {
        var handshake: TLSHandshakeCompleted?
        var errors: [any Error] = []
        var received: [UInt8] = []
        var isClosed = false
    }

    private let state = Mutex(State())

    var now: State { state.withLock { $0 } }

    /// The first error of TLS.
    var tlsError: TLSError? { now.errors.lazy.compactMap { $0 as? TLSError }.first }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    /// Waits until something has been seen; a test that waits in vain fails here.
    func wait(_ what: String, until condition: (State) -> Bool) async throws {
        do {
            try await eventually(what) { state.withLock { condition($0) } }
        } catch let error as TestSupportError {
            let now = now
            throw TestSupportError(
                "\(error): \(now.errors), \(now.received.count) bytes, closed: \(now.isClosed)")
        }
    }

    func waitForHandshake() async throws -> TLSHandshakeCompleted {
        try await wait("the handshake") { $0.handshake != nil || $0.isClosed }
        guard let handshake = now.handshake else { throw tlsError ?? TestSupportError("closed") }
        return handshake
    }

    func waitForTLSError() async throws -> TLSError {
        try await wait("an error of TLS") { $0.errors.contains { $0 is TLSError } }
        guard let tlsError else { throw TestSupportError("The error of TLS is gone.") }
        return tlsError
    }

    func waitForClose() async throws { try await wait("the end") { $0.isClosed } }
}

/// Records what arrives, and sends it back if it should.
final class Recorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    enum Behaviour { case collect, echo, closeOnData, closeOnHandshake, closeInError }

    private let record: Record
    private let behaviour: Behaviour

    init(_ record: Record, _ behaviour: Behaviour) {
        (self.record, self.behaviour) = (record, behaviour)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        buffer.withUnsafeReadableBytes { bytes in record.change { $0.received += bytes } }
        switch behaviour {
        case .echo: context.write(data, promise: nil)
        case .closeOnData: context.close(promise: nil)
        default: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if behaviour == .echo { context.flush() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? TLSHandshakeCompleted else { return }
        record.change { $0.handshake = event }
        if behaviour == .closeOnHandshake { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        record.change { $0.errors.append(error) }
        if behaviour == .closeInError { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) { record.change { $0.isClosed = true } }
}

/// One end of a connection.
struct End: Sendable {
    let channel: any Channel
    let record: Record

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    func close() async throws {
        do { try await channel.close() } catch ChannelError.alreadyClosed {}
    }
}

/// A server on a free port of 127.0.0.1.
final class LoopbackServer: Sendable {
    private final class Accepted: Sendable { let ends = Mutex<[End]>([]) }

    private let channel: any Channel
    private let accepted: Accepted

    private init(_ channel: any Channel, _ accepted: Accepted) {
        (self.channel, self.accepted) = (channel, accepted)
    }

    static func start(
        _ context: TLSContext, timeout: Duration = .seconds(120), _ behaviour: Recorder.Behaviour = .collect
    ) async throws -> LoopbackServer {
        let accepted = Accepted()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let record = Record()
                    try channel.pipeline.syncOperations.addHandlers(
                        TLSHandler(context, handshakeTimeout: timeout), Recorder(record, behaviour))
                    accepted.ends.withLock { $0.append(End(channel: channel, record: record)) }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return LoopbackServer(channel, accepted)
    }

    var port: Int { channel.localAddress?.port ?? 0 }

    /// Waits for a connection.
    func end(_ index: Int = 0) async throws -> End {
        try await eventually("a connection") {
            let ends = accepted.ends.withLock { $0 }
            return index < ends.count ? ends[index] : nil
        }
    }

    func stop() async throws {
        try await channel.close()
        for end in accepted.ends.withLock({ $0 }) { try await end.close() }
    }
}

/// Connects with TLS, or without if there is no context.
func connect(
    to port: Int, _ context: TLSContext?, as peer: PeerName? = .host("localhost"),
    timeout: Duration = .seconds(120),
    autoRead: Bool = true, _ behaviour: Recorder.Behaviour = .collect
) async throws -> End {
    let record = Record()
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .channelOption(.autoRead, value: autoRead)
        .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                if let context {
                    try channel.pipeline.syncOperations.addHandler(
                        TLSHandler(context, peer: peer, handshakeTimeout: timeout))
                }
                try channel.pipeline.syncOperations.addHandler(Recorder(record, behaviour))
            }
        }
        .connect(host: "127.0.0.1", port: port).get()
    return End(channel: channel, record: record)
}

/// The certificates and contexts of a test.
struct Security {
    let certificates: TestCertificates

    init() async throws { certificates = try await TestCertificates() }

    func server(
        _ subject: TestCertificates.Subject = .server, by authority: TestCertificates.Authority = .trusted,
        clients: TLSConfiguration.ClientVerification = .none, alpn: [String] = ["h2"]
    ) async throws -> TLSContext {
        let issued = try await certificates.issue(subject, by: authority)
        return try TLSContext(
            TLSConfiguration(
                certificateChain: .file(issued.certificatePath), privateKey: .file(issued.keyPath),
                trustRoots: .file(certificates.rootPath), clientVerification: clients),
            role: .server, alpn: alpn)
    }

    func client(
        _ subject: TestCertificates.Subject? = nil, by authority: TestCertificates.Authority = .trusted,
        alpn: [String] = ["h2"], _ change: (inout TLSConfiguration) -> Void = { _ in }
    ) async throws -> TLSContext {
        var configuration = TLSConfiguration(trustRoots: .file(certificates.rootPath))
        if let subject {
            let issued = try await certificates.issue(subject, by: authority)
            configuration.certificateChain = .file(issued.certificatePath)
            configuration.privateKey = .file(issued.keyPath)
        }
        change(&configuration)
        return try TLSContext(configuration, role: .client, alpn: alpn)
    }
}

/// Bytes that repeat only after a prime number of them, so that any misplaced piece shows.
func pattern(_ count: Int) -> [UInt8] {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    let block = (0..<8191).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + block.count)
    while bytes.count < count { bytes += block }
    bytes.removeLast(bytes.count - count)
    return bytes
}
