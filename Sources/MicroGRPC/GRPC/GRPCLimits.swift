package import MicroHTTP2

/// The bounds of a connection with gRPC calls.
package struct GRPCLimits: Hashable, Sendable {
    /// The bounds of HTTP/2.
    package var http2 = HTTP2Limits()

    /// The greatest length of a message, in bytes.
    package var maximumMessageSize = 4 << 20

    /// How many bytes of messages that no handler has read yet a client may have on one connection, beyond
    /// the windows of its calls; never less than one message of the greatest length.
    package var maximumUnreadBytes = 64 << 20

    /// Whether gRPC calls with fields of HTTP/1.1's connections, or with a `content-length` that is not their
    /// length, are malformed; else such fields are dropped.
    package var isStrictOnFields = false

    /// Creates the default bounds.
    package init() {}
}
