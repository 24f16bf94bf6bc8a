import MicroCore
import NIOCore

/// The text form of a socket's address.
enum AddressText {
    /// Returns `127.0.0.1:50312`, `[::1]:50312` or `unix:/run/x.sock`.
    static func of(_ address: SocketAddress) -> String {
        if let host = address.ipAddress, let port = address.port { return HostPort.join(host, port) }
        return "unix:" + (address.pathname ?? "")
    }
}
