public import MicroCore

/// The event that a ``TLSHandler`` fires through the pipeline once the connection is secured.
///
/// On a client with TLS 1.3 it comes before the server has judged the client's certificate: a
/// refusal arrives later, as an error.
public struct TLSHandshakeCompleted: Hashable, Sendable {
    /// The application protocol that both sides speak, or `nil` if none was negotiated.
    public var alpn: String?

    /// The DNS names and URIs of the peer's certificate, if it was verified; else empty.
    public var peerIdentities: [String]

    /// The version of TLS.
    public var version: TLSConfiguration.Version

    /// Creates an event.
    ///
    /// - Parameters:
    ///   - alpn: The application protocol that both sides speak.
    ///   - peerIdentities: The DNS names and URIs of the peer's verified certificate.
    ///   - version: The version of TLS.
    public init(alpn: String?, peerIdentities: [String], version: TLSConfiguration.Version) {
        self.alpn = alpn
        self.peerIdentities = peerIdentities
        self.version = version
    }
}
