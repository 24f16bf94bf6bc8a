package import MicroCore

/// How a server of gRPC over HTTP/2 is set up.
package struct GRPCServerConfiguration: Hashable, Sendable {
    /// The bounds of each connection.
    package var limits = HTTP2Limits()

    /// Certificates and verification; plaintext if `nil`.
    package var tls: TLSConfiguration?

    /// Creates the default configuration: plaintext, and a ping for clients that are silent for a minute.
    package init() { limits.keepaliveInterval = .seconds(60) }
}
