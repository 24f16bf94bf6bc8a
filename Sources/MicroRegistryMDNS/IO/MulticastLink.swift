internal import NIOCore
internal import NIOPosix

/// The two sockets by which one interface takes part in mDNS with one address family.
struct MulticastLink: Sendable {
    /// A packet that came in.
    struct Packet: Sendable {
        let bytes: [UInt8]
        let sender: SocketAddress

        /// The socket by which it came, and by which an answer goes.
        let channel: any Channel

        /// Which of all sockets that is.
        let source: PacketSource
    }

    /// The port of mDNS.
    private static let port = 5353

    /// The interface and the family, for a log.
    let name: String

    private let group: SocketAddress

    /// The socket on the group's address and port, which many processes share.
    private let listener: any Channel

    /// The socket from which we ask.
    ///
    /// It has a port of its own, since answers are unicast and the
    /// system gives a packet to a shared port to any one of those who share it.
    private let asker: any Channel

    /// Opens the sockets.
    ///
    /// - Parameters:
    ///   - device: The interface, with an address of the family.
    ///   - number: The link's number among all.
    ///   - loop: The event loop on which packets are received.
    ///   - receive: Takes a packet.
    /// - Returns: The link, by which a packet has been sent.
    /// - Throws: The reason why the interface can't take part.
    static func open(
        _ device: NIONetworkDevice, number: Int, on loop: any EventLoop,
        receive: @escaping @Sendable (Packet) -> Void
    ) async throws -> MulticastLink {
        let isIPv4 = if case .v4 = device.address { true } else { false }
        // A link-local IPv6 group is an address only together with its interface. The resolver, which
        // understands the zone, has nothing to look up here.
        let group = try SocketAddress.makeAddressResolvingHost(
            isIPv4 ? "224.0.0.251" : "ff02::fb%\(device.name)", port: port)
        let any = try SocketAddress(ipAddress: isIPv4 ? "0.0.0.0" : "::", port: 0)
        let listener = try await bind(
            to: group, on: loop, source: PacketSource(link: number, isGroup: true), receive: receive)
        do {
            try await listener.join(group, device)
            let asker = try await bind(
                to: any, on: loop, source: PacketSource(link: number, isGroup: false), receive: receive)
            let link = MulticastLink(
                name: "\(device.name)/\(isIPv4 ? "IPv4" : "IPv6")", group: group, listener: listener,
                asker: asker)
            do {
                for channel in [listener, asker] { try await channel.sendGroups(over: device) }
                try await link.test()
            } catch {
                try? await asker.close()
                throw error
            }
            return link
        } catch {
            try? await listener.close()
            throw error
        }
    }

    /// Sends a packet to the group, from its own port.
    ///
    /// - Parameter bytes: The packet.
    /// - Returns: When it has been sent.
    @discardableResult
    func announce(_ bytes: [UInt8]) -> EventLoopFuture<Void> { listener.send(bytes, to: group) }

    /// Sends a question to the group.
    ///
    /// - Parameter bytes: The packet.
    func ask(_ bytes: [UInt8]) { _ = asker.send(bytes, to: group) }

    /// Closes the sockets.
    func close() async {
        try? await listener.close()
        try? await asker.close()
    }

    /// Asks something that nobody answers, since joining succeeds where sending does not.
    private func test() async throws {
        let question = DNSMessage(questions: [DNSQuestion(name: DNSName(), type: .ptr)])
        try await asker.send(question.encoded(compressed: false), to: group).get()
    }

    private static func bind(
        to address: SocketAddress, on loop: any EventLoop, source: PacketSource,
        receive: @escaping @Sendable (Packet) -> Void
    ) async throws -> any Channel {
        var bootstrap = DatagramBootstrap(group: loop)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 65536))
            .channelOption(.socketOption(.so_rcvbuf), value: 1 << 20)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        PacketHandler(source: source, receive: receive))
                }
            }
        if source.isGroup {
            bootstrap = bootstrap.channelOption(.socketOption(.so_reuseaddr), value: 1)
            #if !os(Linux)
                bootstrap = bootstrap.channelOption(.socketOption(.so_reuseport), value: 1)
            #endif
        }
        return try await bootstrap.bind(to: address).get()
    }
}

/// Hands the packets of a socket on.
private final class PacketHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let source: PacketSource
    private let receive: @Sendable (MulticastLink.Packet) -> Void

    init(source: PacketSource, receive: @escaping @Sendable (MulticastLink.Packet) -> Void) {
        self.source = source
        self.receive = receive
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        receive(
            MulticastLink.Packet(
                bytes: Array(envelope.data.readableBytesView), sender: envelope.remoteAddress,
                channel: context.channel, source: source))
    }

    /// Goes on: the system tells a socket here that an earlier packet found nobody.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
