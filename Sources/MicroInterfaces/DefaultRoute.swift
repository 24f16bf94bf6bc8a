#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Finds out by which interfaces packets to the internet leave.
enum DefaultRoute {
    /// The addresses of a.root-servers.net, to which nobody has a route of its own.
    private static let farAddress4: [UInt8] = [198, 41, 0, 4]
    private static let farAddress6: [UInt8] =
        [0x20, 0x01, 0x05, 0x03, 0xBA, 0x3E, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0x30]

    /// Returns the interfaces of the default routes.
    ///
    /// - Parameter addresses: The machine's addresses.
    /// - Returns: The names, of IPv4's and IPv6's; none if there is no such route.
    static func interfaces(among addresses: [InterfaceAddress]) -> Set<String> {
        let sources = [source(AF_INET, farAddress4), source(AF_INET6, farAddress6)]
        return Set(
            sources.compactMap { source in
                addresses.first { $0.bytes == source && !$0.isLoopback }?.interface
            })
    }

    /// Returns the address from which packets to a far one are sent.
    ///
    /// To connect a UDP socket sends nothing: it makes the system choose a route and a source address.
    private static func source(_ family: Int32, _ far: [UInt8]) -> [UInt8]? {
        // The constant has a type of its own in some C libraries, and the value 2 in all.
        let descriptor = socket(family, 2, 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return family == AF_INET ? source4(descriptor, far) : source6(descriptor, far)
    }

    private static func source4(_ descriptor: Int32, _ far: [UInt8]) -> [UInt8]? {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(53).bigEndian
        withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: far) }
        guard let local = connected(descriptor, &address) else { return nil }
        return withUnsafeBytes(of: local.sin_addr) { Array($0) }
    }

    private static func source6(_ descriptor: Int32, _ far: [UInt8]) -> [UInt8]? {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = UInt16(53).bigEndian
        withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: far) }
        guard let local = connected(descriptor, &address) else { return nil }
        return withUnsafeBytes(of: local.sin6_addr) { Array($0) }
    }

    /// Connects a socket, and returns its own address.
    private static func connected<Address>(
        _ descriptor: Int32, _ address: inout Address
    ) -> Address? {
        var local = address
        var length = socklen_t(MemoryLayout<Address>.size)
        // Sound because both are of the form that the socket's family has, whose size is given, and the calls
        // use the memory only while they run.
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) == 0 }
        }
        guard isConnected else { return nil }
        let isKnown = withUnsafeMutablePointer(to: &local) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &length) == 0
            }
        }
        return isKnown ? local : nil
    }
}
