import MicroDNS
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A DNS server on the loopback interface that answers as a test says.
final class DNSStub: Sendable {
    /// A question that has come.
    struct Asked: Sendable {
        let message: DNSMessage
        let overTCP: Bool
        let port: Int
    }

    /// What it answers: packets one behind the other; none leaves the question without an answer.
    typealias Script = @Sendable (Asked) -> [[UInt8]]

    private let script: Script
    private let log = Mutex<[Asked]>([])

    init(_ script: @escaping Script) { self.script = script }

    /// The questions that have come.
    var asked: [Asked] { log.withLock(\.self) }

    /// Serves while a closure runs, which is given a resolver that asks it.
    static func run<Value>(
        timeout: Duration = .seconds(10), attempts: Int = 1, domains: [String] = [],
        _ script: @escaping Script,
        _ body: (DNSResolver, DNSStub) async throws -> Value
    ) async throws -> Value {
        let stub = DNSStub(script)
        return try await stub.serve { server in
            let configuration = DNSResolver.Configuration(
                servers: [server], timeout: timeout, attempts: attempts,
                searchDomains: domains.compactMap(DNSName.init))
            return try await body(DNSResolver(configuration: configuration), stub)
        }
    }

    /// Serves while a closure runs, which is given its address.
    func serve<Value>(_ body: (DNSServer) async throws -> Value) async throws -> Value {
        let (udp, tcp, port) = try await bind()
        let address = try #require(IPAddress("127.0.0.1"))
        do {
            let value = try await body(DNSServer(address, port: UInt16(port)))
            try await close([udp, tcp])
            return value
        } catch {
            try await close([udp, tcp])
            throw error
        }
    }

    /// Opens a port for both protocols.
    private func bind() async throws -> (udp: any Channel, tcp: any Channel, port: Int) {
        let group = NIOSingletons.posixEventLoopGroup
        var attempts = 0
        while true {
            attempts += 1
            let udp = try await DatagramBootstrap(group: group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Datagrams(self))
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            let port = udp.localAddress?.port ?? 0
            do {
                let tcp = try await ServerBootstrap(group: group)
                    .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                    .childChannelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(Stream(self))
                        }
                    }
                    .bind(host: "127.0.0.1", port: port).get()
                return (udp, tcp, port)
            } catch {
                // A port that is free for UDP may be another test's for TCP.
                try await udp.close()
                guard attempts < 20 else { throw error }
            }
        }
    }

    private func close(_ channels: [any Channel]) async throws {
        for channel in channels { try await channel.close() }
    }

    fileprivate func answers(to bytes: [UInt8], overTCP: Bool, from port: Int) -> [[UInt8]] {
        guard let message = try? DNSMessage(decoding: bytes, types: [.opt]) else { return [] }
        let asked = Asked(message: message, overTCP: overTCP, port: port)
        log.withLock { $0.append(asked) }
        return script(asked)
    }
}

private final class Datagrams: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let stub: DNSStub

    init(_ stub: DNSStub) { self.stub = stub }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let bytes = Array(envelope.data.readableBytesView)
        for answer in stub.answers(to: bytes, overTCP: false, from: envelope.remoteAddress.port ?? 0) {
            let reply = AddressedEnvelope(
                remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: answer))
            context.channel.writeAndFlush(reply, promise: nil)
        }
    }
}

private final class Stream: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let stub: DNSStub

    init(_ stub: DNSStub) { self.stub = stub }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        guard buffer.readInteger(as: UInt16.self) != nil else { return }
        let bytes = Array(buffer.readableBytesView)
        for answer in stub.answers(to: bytes, overTCP: true, from: context.remoteAddress?.port ?? 0) {
            var reply = ByteBuffer()
            reply.writeInteger(UInt16(clamping: answer.count))
            // In two pieces, as a network may bring it.
            context.channel.writeAndFlush(reply, promise: nil)
            context.channel.writeAndFlush(ByteBuffer(bytes: answer), promise: nil)
        }
    }
}
