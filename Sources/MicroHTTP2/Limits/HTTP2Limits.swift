/// The bounds of a connection, which keep one peer from using up the process.
package struct HTTP2Limits: Hashable, Sendable {
    /// The greatest size of a header block, in bytes as RFC 9113, section 6.5.2, counts them.
    package var maximumHeaderListSize = 16 << 10

    /// How many streams a peer may have open on one connection.
    package var maximumConcurrentStreams = 100

    /// How many bytes of a stream may come before they are read.
    package var streamWindow = 256 << 10

    /// How many bytes of all streams of a connection may be on their way.
    package var connectionWindow = 4 << 20

    /// After how long without any byte from the peer it is asked whether it is there; `nil` for never.
    package var keepaliveInterval: Duration?

    /// How long the peer may take to answer that.
    package var keepaliveTimeout: Duration = .seconds(20)

    /// How long opening a connection may take, and then the TLS handshake of a client.
    package var connectTimeout: Duration = .seconds(5)

    /// How long a peer may take to greet: until its settings and its answer to ours have come.
    package var handshakeTimeout: Duration = .seconds(10)

    /// How long a peer may leave a header block or what it has begun unfinished, and a finished answer untaken.
    package var stallTimeout: Duration = .seconds(60)

    /// How many frames a peer may send at once that do nothing for a stream: pings, settings, window updates,
    /// empty data, priorities, resets, frames of unknown types.
    ///
    /// Requests, data and time are credited; see ``FloodGuard``.
    package var controlFrameBudget = 1000

    /// How many streams a client may open at once that are reset as soon as they began.
    package var resetBudget = 500

    /// A stream that is reset after this time has held its place for long enough to be no flood.
    package var resetGrace: Duration = .milliseconds(100)

    /// How many frames may carry a header block on behind its first.
    package var maximumContinuations = 8

    /// How many bytes of answers may wait for a client before its new streams are refused, and of requests for a
    /// server before further ones may not wait.
    package var maximumWaitingBytes = 64 << 20

    /// How many streams of a client may wait on one connection until the server allows more.
    package var maximumQueuedStreams = 10_000

    /// How long streams wait for a server that allows none at all before its connection is given up.
    package var starvationTimeout: Duration = .seconds(2)

    /// How many connections a listener has at most; `nil` for as many as the system has.
    package var maximumConnections: Int?

    /// Creates the default bounds.
    package init() {}
}

/// Which side of a connection we are.
enum HTTP2Role { case server, client }
