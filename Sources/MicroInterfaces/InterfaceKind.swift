/// What kind of network is behind an interface, as far as it matters to whether others can be reached there.
package enum InterfaceKind: Int, Comparable, Sendable {
    /// A network card, or what is made of one: a VLAN, a bond.
    case hardware

    /// A tunnel, or a kind that isn't known.
    case tunnel

    /// A network inside this machine: a bridge, and the pairs that connect containers.
    case container

    package static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }

    /// Tells the kind by the name that Linux has for it, `IFLA_INFO_KIND`.
    ///
    /// - Parameter name: The name; `nil` for a network card, which has none.
    init(linuxName name: String?) {
        switch name {
        case nil, "vlan", "bond", "team", "macvlan", "macvtap", "ipvlan", "ipvtap", "ipoib", "netvsc",
            "failover":
            self = .hardware
        case "bridge", "veth", "dummy", "vxlan", "geneve", "openvswitch", "ifb", "vcan", "netkit":
            self = .container
        default:
            self = .tunnel
        }
    }
}

/// What the system knows of interfaces and addresses beyond what `getifaddrs` says.
///
/// It comes from netlink, not from `/sys`, which shows the interfaces of whichever namespace mounted it.
struct InterfaceFacts {
    /// The kinds, by the interfaces' names.
    ///
    /// Where they can't be known all are taken for hardware.
    private var kinds: [String: InterfaceKind] = [:]

    /// The IPv6 addresses that are about to go or aren't usable yet.
    private(set) var transientAddresses: Set<[UInt8]> = []

    func kind(of interface: String) -> InterfaceKind { kinds[interface] ?? .hardware }

    #if os(Linux)
        /// Asks the system.
        static func read() -> InterfaceFacts {
            var facts = InterfaceFacts()
            guard let socket = NetlinkSocket() else { return facts }
            for message in socket.dump(.links) {
                guard let name = message.attribute(3)?.cString else { continue }
                let kind = message.attribute(18).flatMap { NetlinkAttributes($0).first(1) }
                facts.kinds[name] = InterfaceKind(linuxName: kind?.cString)
            }
            for message in socket.dump(.addresses) where message.body.first == NetlinkSocket.ipv6Family {
                guard let address = message.attribute(1), message.body.count > 2 else { continue }
                // IFA_F_TEMPORARY, IFA_F_DADFAILED, IFA_F_DEPRECATED and IFA_F_TENTATIVE, all of which fit the
                // one byte of the header.
                if message.body[2] & (0x01 | 0x08 | 0x20 | 0x40) != 0 {
                    facts.transientAddresses.insert(address)
                }
            }
            return facts
        }
    #else
        /// Knows nothing.
        static func read() -> InterfaceFacts { InterfaceFacts() }
    #endif
}
