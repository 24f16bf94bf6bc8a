internal import MicroCore
internal import NIOCore

/// A network interface of this machine, with what multicast needs of it.
struct NetworkInterface: Sendable {
    /// The name, such as `eth0`.
    let name: String

    /// Its first IPv4 address.
    private(set) var v4: NIONetworkDevice?

    /// Its first IPv6 address.
    private(set) var v6: NIONetworkDevice?

    /// The most interfaces that are used unless they are named.
    private static let maximumCount = 32

    /// Returns the interfaces with an address.
    ///
    /// - Returns: The interfaces, in the system's order.
    /// - Throws: An `IOError` if the system doesn't tell.
    static func all() throws -> [NetworkInterface] {
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
        }
        return interfaces.filter { $0.v4 != nil || $0.v6 != nil }
    }

    /// Returns the interfaces to use.
    ///
    /// - Parameter names: The names of those that were chosen; `nil` for all.
    /// - Returns: The interfaces.
    /// - Throws: A ``StartError`` if a name is unknown.
    static func choose(_ names: [String]?) throws -> [NetworkInterface] {
        let present: [NetworkInterface]
        do {
            present = try all()
        } catch {
            throw StartError(.unavailable, "The network interfaces of this machine can't be listed: \(error)")
        }
        guard let names else { return Array(present.prefix(maximumCount)) }
        return try names.map { name in
            guard let interface = present.first(where: { $0.name == name }) else {
                let known = present.map(\.name).joined(separator: ", ")
                throw StartError(
                    .invalidConfiguration,
                    "MICRO_REGISTRY_INTERFACES names the network interface \"\(name)\", which this machine "
                        + "doesn't have or which has no address. Present: \(known.isEmpty ? "none" : known).")
            }
            return interface
        }
    }
}
