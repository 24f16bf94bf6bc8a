/// The other side of a connection, as far as the transport knows it.
///
/// One value is shared by all calls of a connection.
public final class Peer: Sendable {
    /// The address as text: `127.0.0.1:50312`, `[::1]:50312`, `unix:/run/x.sock` or `memory:client-1`.
    public let address: String

    /// The names that the peer has proved by a certificate that was verified.
    ///
    /// They are the DNS names and URIs of its subject alternative names; empty without TLS, or where no
    /// certificate was asked for.
    public let identities: [String]

    private let locality: @Sendable () -> Bool

    /// Whether the other side runs on this machine, as far as the transport can tell.
    ///
    /// It is so for the memory transport, Unix domain sockets, loopback and the machine's own addresses. It is found
    /// out when somebody asks, which may cost a look at the machine's interfaces.
    public var isLocal: Bool { locality() }

    /// Creates a description of a peer.
    ///
    /// - Parameters:
    ///   - address: The address as text.
    ///   - identities: The names that it has proved.
    ///   - isLocal: Whether it surely runs on this machine; computed each time that ``isLocal`` is read, and never
    ///     for the sake of a call alone.
    public convenience init(
        address: String, identities: [String] = [],
        isLocal: @autoclosure @escaping @Sendable () -> Bool = false
    ) {
        self.init(address, identities, isLocal)
    }

    private init(_ address: String, _ identities: [String], _ locality: @escaping @Sendable () -> Bool) {
        self.address = address
        self.identities = identities
        self.locality = locality
    }

    /// Returns the same peer, which has proved who it is.
    ///
    /// - Parameter identities: The names that it has proved.
    /// - Returns: The peer.
    public func verified(as identities: [String]) -> Peer { Peer(address, identities, locality) }
}
