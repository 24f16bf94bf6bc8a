internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Ports of this machine that nobody uses.
public enum FreePort {
    /// Below those that Linux and macOS give to connections that go out: one of these could take the port before
    /// the server that was told to listen there.
    private static let range = 16_384..<32_768

    private static let given = Mutex<Set<Int>>([])

    /// Returns a free TCP port of 127.0.0.1, which no other caller in the process gets.
    ///
    /// Another program may take the port before the caller does. For servers of our own prefer port
    /// 0; this is for foreign programs that want to be told a number.
    ///
    /// - Returns: The port.
    /// - Throws: A ``TestSupportError`` if no free port is found.
    public static func tcp() throws -> Int {
        for _ in 0..<1000 {
            let port = Int.random(in: range)
            guard try isFree(port), given.withLock({ $0.insert(port).inserted }) else { continue }
            return port
        }
        throw TestSupportError("no free port was found from \(range.lowerBound) to \(range.upperBound - 1)")
    }

    private static func isFree(_ port: Int) throws -> Bool {
        #if canImport(Glibc)
            let type = Int32(SOCK_STREAM.rawValue)
        #else
            let type = SOCK_STREAM
        #endif
        let descriptor = socket(AF_INET, type, 0)
        guard descriptor >= 0 else { throw TestSupportError("socket(): errno \(errno)") }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // A sockaddr_in is one of the forms that a sockaddr pointer may point to, and the length says
        // which; the call only uses the memory during the call.
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
        }
    }
}
