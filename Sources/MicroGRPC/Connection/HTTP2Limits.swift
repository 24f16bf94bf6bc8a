import MicroCore

/// The bounds of a connection, which keep one peer from using up the process.
package struct HTTP2Limits: Hashable, Sendable {
    /// The greatest length of a message, in bytes.
    package var maximumMessageSize = 4 << 20

    /// The greatest size of a call's header block, in bytes as RFC 9113, section 6.5.2, counts them.
    package var maximumHeaderListSize = 16 << 10

    /// How many calls a peer may have open on one connection.
    package var maximumConcurrentStreams = 100

    /// How many bytes of a call may come before its handler has read them.
    package var streamWindow = 256 << 10

    /// How many bytes of all calls of a connection may be on their way.
    package var connectionWindow = 4 << 20

    /// After how long without any byte from the peer it is asked whether it is there; `nil` for never.
    package var keepaliveInterval: Duration?

    /// How long the peer may take to answer that.
    package var keepaliveTimeout: Duration = .seconds(20)

    /// How long opening a connection may take, and then the TLS handshake of a client.
    package var connectTimeout: Duration = .seconds(5)

    /// Creates the default bounds.
    package init() {}
}
