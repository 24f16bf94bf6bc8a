public import MicroCore

/// How a client of NATS behaves.
public struct NATSConfiguration: Hashable, Sendable {
    /// The servers to try.
    public var servers: [NATSServer]

    /// How the client proves who it is.
    public var credentials: NATSCredentials?

    /// How connections are secured; `nil` secures those to `tls://` addresses and to servers that
    /// demand it, with the system's trust.
    public var tls: TLSConfiguration?

    /// Whether the TLS handshake comes before the server's first word, and not after it.
    public var performsTLSFirst = false

    /// The client's name, for the server's monitoring.
    public var name = ""

    /// Whether the client's own publications come back to its subscriptions.
    public var echoes = true

    /// Whether the servers are tried in a random order.
    public var shufflesServers = true

    /// How long it may take to open a connection, and then until the server has admitted us.
    public var connectTimeout = Duration.seconds(5)

    /// The shortest and longest wait between two rounds of tries to connect.
    public var reconnectDelay: ClosedRange<Duration> = .milliseconds(100) ... .seconds(5)

    /// How many bytes of messages are kept while there is no connection; 0 refuses them.
    public var reconnectBufferSize = 8 << 20

    /// From how many unwritten bytes on publishers wait while there is a connection.
    ///
    /// Each wait costs two changes of threads, which a larger buffer shares among more messages.
    public var writeBufferSize = 512 << 10

    /// How often the server is asked whether it is there.
    public var pingInterval = Duration.seconds(20)

    /// How many of these questions may be unanswered before the connection is given up.
    public var maximumUnansweredPings = 2

    /// How long the end may take: what is buffered is written, and the server's answer awaited.
    public var drainTimeout = Duration.seconds(3)

    /// The first tokens of the subjects at which answers arrive, for servers that restrict them.
    public var inboxPrefix = "_INBOX"

    /// Creates a configuration.
    ///
    /// - Parameters:
    ///   - servers: The servers to try.
    ///   - credentials: How the client proves who it is.
    ///   - tls: How connections are secured.
    public init(
        servers: [NATSServer] = [NATSServer(host: "127.0.0.1")], credentials: NATSCredentials? = nil,
        tls: TLSConfiguration? = nil
    ) {
        self.servers = servers
        self.credentials = credentials
        self.tls = tls
    }
}
