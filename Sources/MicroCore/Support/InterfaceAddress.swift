#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// An IP address of one of the machine's interfaces.
package struct InterfaceAddress: Sendable {
    /// The address without a zone.
    package let text: String
    package let isIPv6: Bool
    package let isLoopback: Bool

    /// Whether it is one of a private network: 10/8, 172.16/12, 192.168/16, 100.64/10 or fd00::/8.
    package let isPrivate: Bool

    /// The addresses of the interfaces that are up, in the system's order, IPv4 and IPv6; link-local ones
    /// are left out, since they are of no use without their zone.
    package static var all: [InterfaceAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        // The list belongs to us until it is freed, and nothing of it is kept.
        defer { freeifaddrs(list) }
        var addresses: [InterfaceAddress] = []
        for entry in sequence(first: list, next: { $0?.pointee.ifa_next }) {
            guard let entry = entry?.pointee, let address = entry.ifa_addr else { continue }
            let flags = UInt32(entry.ifa_flags)
            guard flags & UInt32(IFF_UP) != 0 else { continue }
            let isLoopback = flags & UInt32(IFF_LOOPBACK) != 0
            if let found = read(address, isLoopback: isLoopback) { addresses.append(found) }
        }
        return addresses
    }

    private static func read(_ address: UnsafeMutablePointer<sockaddr>, isLoopback: Bool) -> InterfaceAddress?
    {
        // Sound because the family says which structure the system has put there.
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            let bytes = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin_addr) { Array($0) }
            }
            return InterfaceAddress(ipv4: bytes, isLoopback: isLoopback)
        case AF_INET6:
            let bytes = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin6_addr) { Array($0) }
            }
            return InterfaceAddress(ipv6: bytes, isLoopback: isLoopback)
        default:
            return nil
        }
    }

    init?(ipv4 bytes: [UInt8], isLoopback: Bool) {
        guard bytes.count == 4, !(bytes[0] == 169 && bytes[1] == 254) else { return nil }
        isIPv6 = false
        text = bytes.map { "\($0)" }.joined(separator: ".")
        self.isLoopback = isLoopback
        isPrivate =
            bytes[0] == 10 || (bytes[0] == 172 && bytes[1] & 0xF0 == 16)
            || (bytes[0] == 192 && bytes[1] == 168) || (bytes[0] == 100 && bytes[1] & 0xC0 == 64)
    }

    init?(ipv6 bytes: [UInt8], isLoopback: Bool) {
        guard bytes.count == 16, !(bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80) else { return nil }
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        // Sound because the buffer is as long as the function is told, and the bytes are an IPv6 address's.
        guard inet_ntop(AF_INET6, bytes, &buffer, socklen_t(buffer.count)) != nil else { return nil }
        isIPv6 = true
        text = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        self.isLoopback = isLoopback
        isPrivate = bytes[0] == 0xFD
    }
}
