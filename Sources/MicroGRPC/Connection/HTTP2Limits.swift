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

    /// How long a peer may take to greet: until its settings and its answer to ours have come.
    package var handshakeTimeout: Duration = .seconds(10)

    /// How long a client may leave a header block or a message unfinished, and a finished answer untaken.
    package var stallTimeout: Duration = .seconds(60)

    /// How many frames a peer may send at once that do nothing for a call: pings, settings, window updates,
    /// empty data, priorities, resets, frames of unknown types.
    ///
    /// Calls, messages and time earn more; see ``FloodGuard``.
    package var controlFrameBudget = 1000

    /// How many calls a client may make at once that are reset as soon as they began.
    package var resetBudget = 500

    /// A call that is reset after this time has held its place for long enough to be no flood.
    package var resetGrace: Duration = .milliseconds(100)

    /// How many frames may carry a header block on behind its first.
    package var maximumContinuations = 8

    /// How many bytes of messages that no handler has read yet a client may have on one connection, beyond
    /// the windows of its calls; never less than one message of the greatest length.
    package var maximumUnreadBytes = 64 << 20

    /// How many bytes of answers may wait for a client before its new calls are refused, and of requests for a
    /// server before further ones may not wait.
    package var maximumWaitingBytes = 64 << 20

    /// How many calls of a client may wait on one connection until the server allows more streams.
    package var maximumQueuedCalls = 10_000

    /// How long calls wait for a server that allows no stream at all before its connection is given up.
    package var starvationTimeout: Duration = .seconds(2)

    /// Whether gRPC calls with fields of HTTP/1.1's connections, or with a `content-length` that is not their
    /// length, are malformed; else such fields are dropped.
    package var isStrictOnFields = false

    /// How many connections a listener has at most; `nil` for as many as the system has.
    package var maximumConnections: Int?

    /// Creates the default bounds.
    package init() {}
}
