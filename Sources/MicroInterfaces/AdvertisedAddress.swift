package import MicroCore

/// The address that the registry is told: one that other machines can reach.
package struct AdvertisedAddress: Hashable, Sendable {
    /// `host:port`, the path of a Unix domain socket behind `unix:`, or a name.
    package let text: String

    /// The machine's address that was chosen; `nil` if there was no choice, since the user or the bound socket
    /// gives the host.
    package let choice: InterfaceAddress?

    /// Whether a choice was asked for, and no address was there that others could reach.
    package let isUnreachable: Bool

    /// Finds the address of a node.
    ///
    /// A host that stands for all addresses is replaced by one of the machine that the socket answers at. The
    /// interface of the default route comes first, and networks inside the machine, such as those of
    /// containers, come last. Of one interface a private address comes before others.
    ///
    /// - Parameters:
    ///   - advertise: The address that the user wants, with or without a port.
    ///   - bound: The address that is bound.
    ///   - interfaces: The machine's addresses.
    package init(
        _ advertise: String?, boundTo bound: ListenAddress,
        interfaces: @autoclosure () -> [InterfaceAddress] = InterfaceAddress.all
    ) {
        guard let (boundHost, boundPort) = bound.hostPort,
            let (host, port) = advertise.map(HostPort.split) ?? (boundHost, boundPort)
        else {
            self.init(text: advertise ?? bound.nodeAddress)
            return
        }
        guard Self.isWildcard(host) else {
            self.init(text: HostPort.join(host, port ?? boundPort))
            return
        }
        // A socket of 0.0.0.0 answers at no IPv6 address; one of :: answers at both. Link-local addresses are of
        // no use without their zone, which only this machine knows.
        let reachable = interfaces().filter { !$0.isLinkLocal && (!$0.isIPv6 || boundHost != "0.0.0.0") }
        let ranked = zip(reachable, reachable.indices.map { Self.rank(reachable[$0], $0) })
        let best = ranked.min { $0.1 < $1.1 }?.0
        self.init(
            text: HostPort.join(best?.text ?? "127.0.0.1", port ?? boundPort), choice: best,
            isUnreachable: best?.isLoopback ?? true)
    }

    private init(text: String, choice: InterfaceAddress? = nil, isUnreachable: Bool = false) {
        (self.text, self.choice, self.isUnreachable) = (text, choice, isUnreachable)
    }

    /// What an address is ordered by; the least is the best.
    private static func rank(_ address: InterfaceAddress, _ position: Int) -> Rank {
        let place =
            switch address {
            case _ where address.isLoopback: 5
            case _ where !address.isRunning: 4
            // In a container its only interface is a pair's end, and has the default route. A tunnel that takes
            // it leads away from those who share a network with this machine.
            case _ where address.isOnDefaultRoute && address.kind != .tunnel: 0
            default: 1 + address.kind.rawValue
            }
        return Rank(
            place: place,
            lesser: [
                !address.isOnDefaultRoute, address.isTransient, !address.isPrivate,
                address.isIPv6,
            ], position: position)
    }

    private struct Rank: Comparable {
        let place: Int
        let lesser: [Bool]
        let position: Int

        static func < (one: Self, other: Self) -> Bool {
            guard one.place == other.place else { return one.place < other.place }
            for (one, other) in zip(one.lesser, other.lesser) where one != other { return other }
            return one.position < other.position
        }
    }

    private static func isWildcard(_ host: String) -> Bool {
        host.isEmpty || host == "0.0.0.0" || host == "::"
    }
}
