internal import MicroCore
internal import MicroDNS
internal import MicroInterfaces
internal import NIOCore
internal import NIOPosix

/// A network interface of this machine, with what multicast needs of it.
struct NetworkInterface: Sendable {
    /// The name, such as `eth0`.
    let name: String

    /// Its first IPv4 address.
    private(set) var v4: NIONetworkDevice?

    /// Its first IPv6 address.
    private(set) var v6: NIONetworkDevice?

    /// Its addresses, if it is up.
    private(set) var addresses: [InterfaceAddress] = []

    /// The addresses at the other ends, if it connects two machines.
    private var peers: [IPAddress] = []

    /// The most interfaces that are used unless they are named.
    private static let maximumCount = 32

    /// Where it may take part: once for each address family.
    var targets: [LinkTarget] {
        [v4, v6].compactMap(\.self).filter { _ in !addresses.isEmpty }.map { device in
            LinkTarget(device: device, addresses: addresses, peers: peers)
        }
    }

    /// Returns the interfaces with an address that are up.
    ///
    /// - Returns: The interfaces, in the system's order.
    /// - Throws: An `IOError` if the system doesn't tell.
    static func all() throws -> [NetworkInterface] { try present().filter { !$0.addresses.isEmpty } }

    /// Returns all interfaces, also those that can't be used at present.
    private static func present() throws -> [NetworkInterface] {
        var interfaces: [NetworkInterface] = []
        for var device in try System.enumerateDevices() {
            // The flag is missing at a loopback interface that takes part in multicast all the same, so
            // what works is found out by trying.
            device.multicastSupported = true
            let position =
                interfaces.firstIndex { $0.name == device.name }
                ?? {
                    interfaces.append(NetworkInterface(name: device.name))
                    return interfaces.endIndex - 1
                }()
            switch device.address {
            case .v4: interfaces[position].v4 = interfaces[position].v4 ?? device
            case .v6: interfaces[position].v6 = interfaces[position].v6 ?? device
            default: continue
            }
            let peer = device.pointToPointDestinationAddress?.ipAddress.flatMap(IPAddress.init)
            if let peer { interfaces[position].peers.append(peer) }
        }
        let addresses = Dictionary(grouping: InterfaceAddress.all, by: \.interface)
        for position in interfaces.indices {
            interfaces[position].addresses = addresses[interfaces[position].name] ?? []
        }
        return interfaces
    }

    /// Checks that chosen interfaces exist, though they may be down or without an address at present.
    ///
    /// - Parameter names: The names of those that were chosen; `nil` for all.
    /// - Throws: A ``StartError`` if a name is unknown.
    static func check(_ names: [String]?) throws(StartError) {
        let present: [NetworkInterface]
        do {
            present = try Self.present()
        } catch {
            throw StartError(.unavailable, "The network interfaces of this machine can't be listed: \(error)")
        }
        for name in names ?? [] where !present.contains(where: { $0.name == name }) {
            let known = present.map(\.name).joined(separator: ", ")
            throw StartError(
                .invalidConfiguration,
                "MICRO_REGISTRY_INTERFACES names the network interface \"\(name)\", which this machine "
                    + "doesn't have. Present: \(known.isEmpty ? "none" : known).")
        }
    }

    /// Returns the interfaces to use now.
    ///
    /// If there are too many, those inside this machine, such as the containers' ends, are left out first.
    ///
    /// - Parameter names: The names of those that were chosen; `nil` for all.
    /// - Returns: The interfaces that are up and have an address; none if the system doesn't tell.
    static func choose(_ names: [String]?) -> [NetworkInterface] {
        guard let usable = try? all() else { return [] }
        if let names { return usable.filter { names.contains($0.name) } }
        let kinds: [InterfaceKind] = [.hardware, .tunnel, .container]
        return Array(
            kinds.flatMap { kind in usable.filter { $0.addresses[0].kind == kind } }.prefix(maximumCount))
    }
}
