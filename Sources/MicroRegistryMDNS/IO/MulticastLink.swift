internal import MicroDNS
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

        /// Whether the sender's address is one of the link.
        let isFromLink: Bool
    }

    /// The port of mDNS.
    private static let port = 5353

    /// The number among all links.
    let number: Int

    /// The interface and the family.
    private(set) var target: LinkTarget

    /// Whether both sockets are open: the system may close them, such as when the interface goes down.
    var isOpen: Bool { listener.isActive && asker.isActive }

    private let group: SocketAddress

    /// The socket on the group's address and port, which many processes share.
    private let listener: any Channel

    /// The socket from which we ask.
    ///
    /// It has a port of its own, since answers are unicast and the
    /// system gives a packet to a shared port to any one of those who share it.
    let asker: any Channel

    /// Opens the sockets.
    ///
    /// - Parameters:
    ///   - target: The interface and the family.
    ///   - number: The link's number among all.
    ///   - loop: The event loop on which packets are received.
    ///   - receive: Takes a packet.
    ///   - onClose: Called on the loop when a socket has been closed, by us or by the system.
    /// - Returns: The link, by which a packet has been sent.
    /// - Throws: The reason why the interface can't take part.
    static func open(
        _ target: LinkTarget, number: Int, on loop: any EventLoop,
        receive: @escaping @Sendable (Packet) -> Void, onClose: @escaping @Sendable () -> Void
    ) async throws -> MulticastLink {
        let (device, isIPv4) = (target.device, target.identity.isIPv4)
        // A link-local IPv6 group is an address only together with its interface. The resolver, which
        // understands the zone, has nothing to look up here.
        let group = try SocketAddress.makeAddressResolvingHost(
            isIPv4 ? "224.0.0.251" : "ff02::fb%\(device.name)", port: port)
        let any = try SocketAddress(ipAddress: isIPv4 ? "0.0.0.0" : "::", port: 0)
        let listener = try await bind(
            to: group, of: target.identity, on: loop, source: PacketSource(link: number, isGroup: true),
            receive: receive)
        do {
            try await listener.join(group, device)
            let asker = try await bind(
                to: any, of: target.identity, on: loop, source: PacketSource(link: number, isGroup: false),
                receive: receive)
            let link = MulticastLink(
                number: number, target: target, group: group, listener: listener, asker: asker)
            do {
                for channel in [listener, asker] { try await channel.sendGroups(over: device) }
                try await link.test()
                for channel in [listener, asker] { channel.closeFuture.whenComplete { _ in onClose() } }
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

    /// Takes what is known of the interface now.
    ///
    /// - Parameter target: The same interface and family.
    /// - Returns: Whether it has a carrier again.
    mutating func update(_ target: LinkTarget) -> Bool {
        defer { self.target = target }
        return target.isRunning && !self.target.isRunning
    }

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
        to address: SocketAddress, of link: LinkTarget.Identity, on loop: any EventLoop,
        source: PacketSource, receive: @escaping @Sendable (Packet) -> Void
    ) async throws -> any Channel {
        var bootstrap = DatagramBootstrap(group: loop)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 65536))
            .channelOption(.socketOption(.so_rcvbuf), value: 1 << 20)
            .channelOption(.receivePacketInfo, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        PacketHandler(link: link, source: source, receive: receive))
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

/// Hands the packets of a socket on that came in by its interface.
///
/// A socket from which we ask has no address of its own, so it gets what is sent to any address of the machine.
private final class PacketHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let link: LinkTarget.Identity
    private let source: PacketSource
    private let receive: @Sendable (MulticastLink.Packet) -> Void

    init(
        link: LinkTarget.Identity, source: PacketSource,
        receive: @escaping @Sendable (MulticastLink.Packet) -> Void
    ) {
        self.link = link
        self.source = source
        self.receive = receive
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        guard let info = envelope.metadata?.packetInfo, info.interfaceIndex == link.index else { return }
        let sender = envelope.remoteAddress.ipAddress.flatMap(IPAddress.init)
        receive(
            MulticastLink.Packet(
                bytes: Array(envelope.data.readableBytesView), sender: envelope.remoteAddress,
                channel: context.channel, source: source,
                isFromLink: sender.map(link.onLink.contains) ?? false))
    }

    /// Goes on: the system tells a socket here that an earlier packet found nobody.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
