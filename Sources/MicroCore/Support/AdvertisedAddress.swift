/// The address that the registry is told: one that other machines can reach.
package enum AdvertisedAddress {
    /// Returns the address of a node.
    ///
    /// - Parameters:
    ///   - advertise: The address that the user wants, with or without a port.
    ///   - bound: The address that is bound.
    ///   - interfaces: The machine's addresses.
    /// - Returns: `host:port`, where a host that stands for all addresses is replaced by one of the machine
    ///   that the socket answers at: a private one if it has any.
    package static func text(
        _ advertise: String?, boundTo bound: ListenAddress,
        interfaces: @autoclosure () -> [InterfaceAddress] = InterfaceAddress.all
    ) -> String {
        guard let (boundHost, boundPort) = bound.hostPort else { return advertise ?? bound.description }
        guard let (host, port) = advertise.map(HostPort.split) ?? (boundHost, boundPort) else {
            return advertise ?? bound.description
        }
        guard isWildcard(host) else { return HostPort.join(host, port ?? boundPort) }
        // A socket of 0.0.0.0 answers at no IPv6 address; one of :: answers at both.
        let reachable = interfaces().filter { !$0.isIPv6 || boundHost != "0.0.0.0" }
        let best =
            reachable.first { $0.isPrivate && !$0.isLoopback } ?? reachable.first { !$0.isLoopback }
            ?? reachable.first
        return HostPort.join(best?.text ?? "127.0.0.1", port ?? boundPort)
    }

    private static func isWildcard(_ host: String) -> Bool {
        host.isEmpty || host == "0.0.0.0" || host == "::"
    }
}
