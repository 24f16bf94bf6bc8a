#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// An IP address of one of the machine's interfaces.
package struct InterfaceAddress: Hashable, Sendable {
    /// The name of the interface, such as `eth0`.
    package let interface: String

    /// The 4 or 16 bytes of the address.
    package let bytes: [UInt8]

    /// How many bits of the address are the network's.
    package let prefixLength: Int

    package let isLoopback: Bool

    /// Whether the interface has a carrier; an interface that is up may lack a cable.
    package var isRunning = true

    /// What kind of interface has the address.
    package var kind = InterfaceKind.hardware

    /// Whether packets to the internet leave by the interface.
    package var isOnDefaultRoute = false

    /// Whether it is an IPv6 address that is about to go or isn't usable yet: a temporary one (RFC 8981),
    /// one that is deprecated, or one whose uniqueness isn't known.
    package var isTransient = false

    /// Creates an address.
    ///
    /// - Parameters:
    ///   - interface: The name of the interface.
    ///   - bytes: 4 or 16 bytes; `nil` is returned for other numbers.
    ///   - prefixLength: How many bits are the network's; `nil` for all.
    ///   - isLoopback: Whether it is a loopback interface.
    package init?(interface: String, bytes: [UInt8], prefixLength: Int? = nil, isLoopback: Bool = false) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.interface = interface
        self.bytes = bytes
        self.prefixLength = prefixLength ?? bytes.count * 8
        self.isLoopback = isLoopback
    }

    package var isIPv6: Bool { bytes.count == 16 }

    /// Whether it means something on its link only: 169.254/16 or fe80::/10.
    package var isLinkLocal: Bool {
        isIPv6 ? bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80 : bytes[0] == 169 && bytes[1] == 254
    }

    /// Whether it is one of a private network: 10/8, 172.16/12, 192.168/16, 100.64/10 or fc00::/7.
    package var isPrivate: Bool {
        guard !isIPv6 else { return bytes[0] & 0xFE == 0xFC }
        return bytes[0] == 10 || (bytes[0] == 172 && bytes[1] & 0xF0 == 16)
            || (bytes[0] == 192 && bytes[1] == 168) || (bytes[0] == 100 && bytes[1] & 0xC0 == 64)
    }

    /// The address as people write it, without a zone.
    package var text: String {
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        // Sound because the function reads just the 4 or 16 bytes that the family has, and writes at most the
        // given number of characters, with a zero behind them.
        inet_ntop(isIPv6 ? AF_INET6 : AF_INET, bytes, &buffer, socklen_t(buffer.count))
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The addresses of the interfaces that are up, in the system's order, with what is known of the
    /// interfaces.
    package static var all: [InterfaceAddress] {
        var addresses = listed
        let facts = InterfaceFacts.read()
        let routed = DefaultRoute.interfaces(among: addresses)
        for index in addresses.indices {
            let name = addresses[index].interface
            addresses[index].kind = facts.kind(of: name)
            addresses[index].isTransient = facts.transientAddresses.contains(addresses[index].bytes)
            addresses[index].isOnDefaultRoute = routed.contains(name)
        }
        return addresses
    }

    /// The addresses of the interfaces that are up, with what `getifaddrs` says of them.
    package static var listed: [InterfaceAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        // The list belongs to us until it is freed, and nothing of it is kept.
        defer { freeifaddrs(list) }
        var addresses: [InterfaceAddress] = []
        for entry in sequence(first: list, next: { $0?.pointee.ifa_next }) {
            guard let entry = entry?.pointee, let bytes = read(entry.ifa_addr) else { continue }
            let flags = UInt32(entry.ifa_flags)
            guard flags & UInt32(IFF_UP) != 0 else { continue }
            let mask = read(entry.ifa_netmask, like: entry.ifa_addr)
            guard
                var address = InterfaceAddress(
                    interface: String(cString: entry.ifa_name), bytes: bytes,
                    prefixLength: mask?.reduce(0) { $0 + $1.nonzeroBitCount },
                    isLoopback: flags & UInt32(IFF_LOOPBACK) != 0)
            else { continue }
            address.isRunning = flags & UInt32(IFF_RUNNING) != 0
            addresses.append(address)
        }
        return addresses
    }

    /// Returns the bytes of an IP address.
    ///
    /// - Parameters:
    ///   - address: The address, or a mask, whose family some systems leave out.
    ///   - model: An address of the same family.
    /// - Returns: The 4 or 16 bytes, or `nil` for other families.
    private static func read(
        _ address: UnsafeMutablePointer<sockaddr>?, like model: UnsafeMutablePointer<sockaddr>? = nil
    ) -> [UInt8]? {
        guard let address, let family = (model ?? address)?.pointee.sa_family else { return nil }
        // Sound because the family says which structure the system has put there.
        switch Int32(family) {
        case AF_INET:
            return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin_addr) { Array($0) }
            }
        case AF_INET6:
            return address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin6_addr) { Array($0) }
            }
        default:
            return nil
        }
    }
}
