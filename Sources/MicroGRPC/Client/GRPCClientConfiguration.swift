package import MicroCore

/// How a client of gRPC over HTTP/2 is set up.
package struct GRPCClientConfiguration: Hashable, Sendable {
    /// The bounds of each connection.
    package var limits = HTTP2Limits()

    /// Certificates and verification; plaintext if `nil`.
    package var tls: TLSConfiguration?

    /// How long opening a connection may take.
    package var connectTimeout: Duration = .seconds(5)

    /// Creates the default configuration: plaintext.
    package init() {}
}
