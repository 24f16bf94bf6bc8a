internal import MicroDNS
internal import NIOCore
internal import NIOPosix

extension Channel {
    /// Sends a packet, or drops it if too many wait already, which mDNS forgives.
    ///
    /// - Parameters:
    ///   - bytes: The packet.
    ///   - address: The receiver.
    /// - Returns: When it has been sent.
    func send(_ bytes: [UInt8], to address: SocketAddress) -> EventLoopFuture<Void> {
        guard isWritable else { return eventLoop.makeSucceededVoidFuture() }
        return writeAndFlush(AddressedEnvelope(remoteAddress: address, data: ByteBuffer(bytes: bytes)))
    }

    /// Receives what is sent to a group over one interface, and nothing else.
    ///
    /// - Parameters:
    ///   - group: The group.
    ///   - device: The interface.
    /// - Throws: The reason why it can't.
    func join(_ group: SocketAddress, _ device: NIONetworkDevice) async throws {
        guard let channel = self as? any MulticastChannel else { throw ChannelError.operationUnsupported }
        #if os(Linux)
            // IP_MULTICAST_ALL and IPV6_MULTICAST_ALL: without them a socket also gets what other
            // sockets of the machine have joined, so over interfaces that weren't chosen. A kernel that
            // doesn't know the second one only makes us hear more.
            switch group {
            case .v4: try await setOption(level: .ip, name: 49, value: CInt(0))
            default: try? await setOption(level: .ipv6, name: 29, value: CInt(0))
            }
        #endif
        try await channel.joinGroup(group, device: device).get()
    }

    /// Makes what is sent to a group leave over one interface.
    ///
    /// - Parameter device: The interface.
    /// - Throws: The reason why it can't.
    func sendGroups(over device: NIONetworkDevice) async throws {
        if let address = device.address?.ipAddress.flatMap(IPAddress.init), address.isIPv4 {
            let bytes = address.bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            try await setOption(level: .ip, name: .ip_multicast_if, value: bytes.bigEndian)
            try await setOption(level: .ip, name: .ip_multicast_ttl, value: CInt(255))
        } else {
            try await setOption(
                level: .ipv6, name: .ipv6_multicast_if, value: CUnsignedInt(device.interfaceIndex))
            try await setOption(level: .ipv6, name: .ipv6_multicast_hops, value: CInt(255))
        }
    }

    /// Sets an option of the socket.
    private func setOption(
        level: NIOBSDSocket.OptionLevel, name: NIOBSDSocket.Option, value: some Sendable
    ) async throws {
        guard let provider = self as? any SocketOptionProvider else {
            throw ChannelError.operationUnsupported
        }
        // Sound because each caller passes a plain integer of the size that the option has in C: an
        // `int`, or the four bytes of an `in_addr`.
        try await provider.unsafeSetSocketOption(level: level, name: name, value: value).get()
    }

    #if os(Linux)
        private func setOption(level: NIOBSDSocket.OptionLevel, name: CInt, value: CInt) async throws {
            try await setOption(level: level, name: NIOBSDSocket.Option(rawValue: name), value: value)
        }
    #endif
}
