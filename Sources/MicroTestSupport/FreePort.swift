#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Ports of this machine that nobody uses.
public enum FreePort {
    /// Returns a free TCP port of 127.0.0.1.
    ///
    /// Another program may take the port before the caller does. For servers of our own prefer port
    /// 0; this is for foreign programs that want to be told a number.
    ///
    /// - Returns: The port.
    /// - Throws: A ``TestSupportError`` if the system has no port to give.
    public static func tcp() throws -> Int {
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
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // A sockaddr_in is one of the forms that a sockaddr pointer may point to, and the length says
        // which; both calls only use the memory during the call.
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 ? getsockname(descriptor, generic, &length) : -1
            }
        }
        guard result == 0 else { throw TestSupportError("bind() or getsockname(): errno \(errno)") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
