/// Everything that a call says before its first message.
///
/// A client fills one in to make a call, and a server's ``CallHandler`` gets one for each call that
/// arrives. It is the same on every transport.
public struct CallHead: Sendable {
    /// What is called, as `/service.Type/Method`; ``CallPath`` takes it apart.
    public var path: String

    /// How the messages are encoded: `proto`, `json`, or another name that a codec offers.
    public var contentSubtype: String

    /// The metadata that the caller sent along, without the fields that the protocol reserves.
    public var metadata: Metadata

    /// The moment after which nobody waits for the answer any more.
    public var deadline: ContinuousClock.Instant? {
        get { uptimeDeadline?.instant }
        set { uptimeDeadline = newValue.map(Uptime.init) }
    }

    /// The deadline, on the clock that transports use.
    package var uptimeDeadline: Uptime?

    /// The other side of the connection; `nil` for a call that is yet to be made.
    public var peer: Peer?

    /// Creates a head.
    ///
    /// - Parameters:
    ///   - path: What is called, as `/service.Type/Method`.
    ///   - contentSubtype: How the messages are encoded.
    ///   - metadata: The metadata to send along.
    ///   - deadline: When the call ends at the latest.
    ///   - peer: The other side of the connection.
    public init(
        path: String,
        contentSubtype: String = "proto",
        metadata: Metadata = [:],
        deadline: ContinuousClock.Instant? = nil,
        peer: Peer? = nil
    ) {
        self.path = path
        self.contentSubtype = contentSubtype
        self.metadata = metadata
        self.uptimeDeadline = deadline.map(Uptime.init)
        self.peer = peer
    }
}

/// The other side of a connection, as far as the transport knows it.
///
/// One value is shared by all calls of a connection.
public final class Peer: Sendable {
    /// The address as text: `127.0.0.1:50312`, `[::1]:50312`, `unix:/run/x.sock` or `memory:1`.
    public let address: String

    /// The names that the peer has proved by a certificate that was verified.
    ///
    /// They are the DNS names and URIs of its subject alternative names; empty without TLS, or where no
    /// certificate was asked for.
    public let identities: [String]

    /// Creates a description of a peer.
    ///
    /// - Parameters:
    ///   - address: The address as text.
    ///   - identities: The names that it has proved.
    public init(address: String, identities: [String] = []) {
        self.address = address
        self.identities = identities
    }
}
