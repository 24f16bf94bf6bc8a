import MicroCore

/// The address that the registry is told: one that other machines can reach.
enum AdvertisedAddress {
    /// Returns the address of a node.
    ///
    /// - Parameters:
    ///   - advertise: The address that the user wants, with or without a port.
    ///   - bound: The address that is bound.
    /// - Returns: `host:port`, where a host that stands for all addresses is replaced by one of the machine:
    ///   a private one if it has any.
    static func text(_ advertise: String?, boundTo bound: ListenAddress) -> String {
        guard let (boundHost, boundPort) = bound.hostPort else { return advertise ?? bound.description }
        guard let advertise else { return HostPort.join(reachable(boundHost), boundPort) }
        guard let (host, port) = HostPort.split(advertise) else { return advertise }
        return HostPort.join(reachable(host), port ?? boundPort)
    }

    private static func reachable(_ host: String) -> String {
        guard host.isEmpty || host == "0.0.0.0" || host == "::" else { return host }
        let addresses = InterfaceAddress.all
        let best =
            addresses.first { $0.isPrivate && !$0.isLoopback } ?? addresses.first { !$0.isLoopback }
            ?? addresses.first
        return best?.text ?? "127.0.0.1"
    }
}
