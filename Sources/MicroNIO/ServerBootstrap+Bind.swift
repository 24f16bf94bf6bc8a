package import NIOCore
package import NIOPosix

extension ServerBootstrap {
    /// Binds a host and port; without a host all addresses, those of IPv4 alone where there is no IPv6.
    ///
    /// - Parameters:
    ///   - host: An IP address or a name; empty for all addresses.
    ///   - port: The port; 0 lets the system choose.
    /// - Returns: The open channel.
    /// - Throws: An `IOError`, which ``BindFailure`` words.
    package func bindAny(host: String, port: Int) async throws -> any Channel {
        guard host.isEmpty else { return try await bind(host: host, port: port).get() }
        do {
            return try await bind(host: "::", port: port).get()
        } catch let error as IOError where [EAFNOSUPPORT, EADDRNOTAVAIL].contains(error.errnoCode) {
            return try await bind(host: "0.0.0.0", port: port).get()
        }
    }
}

/// What to say of an address that can't be bound.
package enum BindFailure {
    /// Returns the reason, and what to do.
    package static func text(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        switch error.errnoCode {
        case EADDRINUSE:
            return "another program uses it; stop that, or choose another port (0 takes a free one)"
        case EMFILE: return FileDescriptors.exhaustion
        case EACCES: return "this user may not; ports below 1024 need the right to bind them"
        case EADDRNOTAVAIL: return "it is not an address of this machine"
        default: return error.description
        }
    }
}
