import MicroCore
import NIOHTTP1

/// A whole request, as a server received it.
package struct HTTP1Request: Sendable {
    /// The method: `POST`.
    package var method: String

    /// What is asked for, as the request line has it: `/?id=1`.
    package var target: String

    /// The header fields.
    package var headers: HTTP1Fields

    /// The body.
    package var body: [UInt8]

    /// Who asks: `127.0.0.1:50312`.
    package var peer: String

    /// Creates a request.
    package init(
        method: String = "POST", target: String = "/", headers: HTTP1Fields = [:], body: [UInt8] = [],
        peer: String = ""
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.peer = peer
    }
}

/// A whole response.
package struct HTTP1Response: Sendable {
    /// The status code.
    package var status: Int

    /// The header fields; `Content-Length` and `Connection` are added on the way out.
    package var headers: HTTP1Fields

    /// The body.
    package var body: [UInt8]

    /// Creates a response.
    package init(status: Int, headers: HTTP1Fields = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// The bounds of connections.
package struct HTTP1Limits: Hashable, Sendable {
    /// The greatest number of bytes of a message's header.
    package var maximumHeaderSize = 16 << 10

    /// The greatest number of bytes of a message's body.
    package var maximumBodySize = 4 << 20

    /// How many connections a server has open at most; then one that has no request makes way for a new one.
    package var maximumConnections = 1000

    /// How many unused connections a client keeps for one address.
    package var maximumIdleConnections = 8

    /// How long a connection may be between two requests, the next one's header included.
    package var serverIdleTimeout: Duration = .seconds(60)

    /// How long the header of a connection's first request may take, from its beginning.
    package var firstHeaderTimeout: Duration = .seconds(10)

    /// How long a request's body may take, the time not counted in which there is no room for it.
    package var bodyTimeout: Duration = .seconds(30)

    /// How long a peer may take to read an answer.
    package var answerTimeout: Duration = .seconds(30)

    /// How often a body is looked at, and how many bytes of it must have come since, or else the request is
    /// refused.
    package var bodyRateInterval: Duration = .seconds(5)
    package var minimumBodyBytes = 16 << 10

    /// How long a client keeps an unused connection; shorter than any server does, so that a request rarely
    /// meets a connection that is just being closed.
    package var clientIdleTimeout: Duration = .seconds(15)

    /// How long opening a connection may take.
    package var connectTimeout: Duration = .seconds(5)

    /// Creates the default bounds.
    package init() {}

    var decoder: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderListSize = maximumHeaderSize
        limits.maxHeaderFieldSize = maximumHeaderSize
        return limits
    }
}
