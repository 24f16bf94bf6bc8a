import MicroInterfaces
package import NIOCore

extension SocketAddress {
    /// Whether a connection from this address comes from this machine; asks for the machine's addresses.
    package var isThisMachine: Bool {
        switch self {
        case .unixDomainSocket: true
        case .v4, .v6: ipAddress.map { ThisMachine.has($0) } ?? false
        }
    }
}
