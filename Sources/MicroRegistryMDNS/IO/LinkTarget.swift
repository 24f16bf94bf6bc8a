internal import MicroDNS
internal import MicroInterfaces
internal import NIOCore

/// An interface with one address family, by which mDNS may take part.
struct LinkTarget: Sendable {
    /// What makes it another one, so that its sockets must be opened again.
    struct Identity: Hashable, Sendable {
        let index: Int
        let name: String
        let isIPv4: Bool
        let onLink: OnLinkAddresses
    }

    let device: NIONetworkDevice
    let identity: Identity

    /// Whether the interface has a carrier.
    let isRunning: Bool

    /// The interface and the family, for a log.
    var name: String { "\(identity.name)/\(identity.isIPv4 ? "IPv4" : "IPv6")" }

    /// Creates a target.
    ///
    /// - Parameters:
    ///   - device: The interface, with an address of the family.
    ///   - addresses: All addresses of the interface.
    ///   - peers: The addresses at the other ends, if it connects two machines.
    init(device: NIONetworkDevice, addresses: [InterfaceAddress], peers: [IPAddress]) {
        let isIPv4 = if case .v4 = device.address { true } else { false }
        self.device = device
        identity = Identity(
            index: device.interfaceIndex, name: device.name, isIPv4: isIPv4,
            onLink: OnLinkAddresses(addresses.filter { $0.isIPv6 != isIPv4 }, peers: peers))
        isRunning = addresses.contains(where: \.isRunning)
    }
}

/// Tells which addresses are on a link (RFC 6762, 11): those that share a prefix with one of ours.
struct OnLinkAddresses: Hashable, Sendable {
    private struct Prefix: Hashable {
        let bytes: [UInt8]
        let length: Int

        init(_ bytes: [UInt8], _ length: Int) {
            self.length = length
            self.bytes = bytes.enumerated().map { index, byte in
                byte & ~UInt8(truncatingIfNeeded: 0xFF >> max(0, length - index * 8))
            }
        }
    }

    private var prefixes: Set<Prefix> = [
        Prefix([169, 254, 0, 0], 16), Prefix([0xFE, 0x80] + [UInt8](repeating: 0, count: 14), 10),
    ]

    /// Takes the addresses of an interface.
    ///
    /// - Parameters:
    ///   - addresses: Ours.
    ///   - peers: The addresses at the other ends, if it connects two machines.
    init(_ addresses: [InterfaceAddress], peers: [IPAddress]) {
        for address in addresses { prefixes.insert(Prefix(address.bytes, address.prefixLength)) }
        for peer in peers { prefixes.insert(Prefix(peer.bytes, peer.bytes.count * 8)) }
    }

    /// Returns whether an address is on the link.
    ///
    /// - Parameter address: The address.
    /// - Returns: Whether it is.
    func contains(_ address: IPAddress) -> Bool {
        prefixes.contains { $0.bytes.count == address.bytes.count && Prefix(address.bytes, $0.length) == $0 }
    }
}
