internal import MicroCore

/// Where a member of an etcd cluster is.
public struct EtcdEndpoint: Hashable, Sendable {
    /// The address as `host:port`.
    public internal(set) var address: String

    /// The host, which a certificate must name.
    public internal(set) var host: String

    /// Whether the connection is encrypted; `nil` if the address doesn't say, and the rest of the
    /// configuration decides.
    public var isSecure: Bool?

    /// etcd's port for clients.
    private static let defaultPort = 2379

    /// Reads an address; fails if the text is none.
    ///
    /// - Parameter text: `host:port`, `http://host:port` or `https://host:port`; 2379 is the port if there
    ///   is none.
    public init?(_ text: String) {
        var rest = text[...]
        for (scheme, isSecure) in [("http://", false), ("https://", true)] where rest.hasPrefix(scheme) {
            rest = rest.dropFirst(scheme.count)
            self.isSecure = isSecure
            if rest.hasSuffix("/") { rest = rest.dropLast() }
        }
        guard !rest.contains(where: { "/?#@".contains($0) }), let (host, port) = HostPort.split(String(rest)),
            !host.isEmpty, port != 0, !host.contains(":") || Self.looksLikeIPv6(host)
        else { return nil }
        self.host = host
        address = HostPort.join(host, port ?? Self.defaultPort)
    }

    /// Whether a host with colons is an address, and not a name with too many ports.
    private static func looksLikeIPv6(_ host: String) -> Bool {
        host.prefix { $0 != "%" }.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
    }

    /// Whether the member is on this machine.
    package var isLocal: Bool { (try? ListenAddress(parsing: address))?.isLocal == true }
}

extension EtcdEndpoint: CustomStringConvertible {
    /// The address as `host:port`.
    public var description: String { address }
}
