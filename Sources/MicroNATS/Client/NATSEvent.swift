internal import MicroCore
internal import MicroPluginKit

/// Something that happened to a client, beside its messages.
public struct NATSEvent: Sendable, Hashable {
    /// What kind of thing it is.
    public struct Kind: Hashable, Sendable {
        private enum Value {
            case connected, disconnected, lameDuck, discovered, serverError, slowConsumer, unsent, closed
        }

        private let value: Value

        /// A connection is open, the first or another one.
        public static var connected: Self { Self(value: .connected) }

        /// The connection was lost; the error says why.
        public static var disconnected: Self { Self(value: .disconnected) }

        /// The server is about to stop; the client moves to another one if it knows one.
        public static var lameDuck: Self { Self(value: .lameDuck) }

        /// The server has told of another one.
        public static var discovered: Self { Self(value: .discovered) }

        /// The server has reported an error, such as a missing permission, and the connection goes on.
        public static var serverError: Self { Self(value: .serverError) }

        /// A subscription has begun to drop messages, since its reader is too slow.
        public static var slowConsumer: Self { Self(value: .slowConsumer) }

        /// Messages that were taken can't be sent, or may not have been: the error says how many and why.
        public static var unsent: Self { Self(value: .unsent) }

        /// The client has been closed.
        public static var closed: Self { Self(value: .closed) }
    }

    /// What kind of thing it is.
    public var kind: Kind

    /// The server.
    public var server: String?

    /// The subject that it is about.
    public var subject: String?

    /// The reason.
    public var error: NATSError?

    init(_ kind: Kind, server: String? = nil, subject: String? = nil, error: NATSError? = nil) {
        self.kind = kind
        self.server = server
        self.subject = subject
        self.error = error
    }
}

/// What a client has done so far.
public struct NATSStatistics: Hashable, Sendable {
    /// How many messages were taken to be sent.
    public var messagesSent = 0

    /// How many messages have arrived.
    public var messagesReceived = 0

    /// How many bytes were written.
    public var bytesSent = 0

    /// How many bytes have arrived.
    public var bytesReceived = 0

    /// How many messages were dropped since a subscription's reader was too slow.
    public var messagesDropped = 0

    /// How many messages were taken, and then not sent or perhaps not sent: they were too large for the server
    /// of a later connection, were being written when the connection broke, or were left when the client ended.
    public var messagesUnsent = 0

    /// How often a connection was opened.
    public var connections = 0

    /// How many errors servers have reported.
    public var serverErrors = 0

    /// Creates statistics of nothing.
    public init() {}
}

/// Those who are told of events.
final class EventHub: Sendable {
    /// How many events wait for a reader; the oldest are dropped.
    private static let limit = 256

    private let listeners = Broadcast<Void, NATSEvent>(())

    /// Returns the events from now on.
    func events() -> AsyncStream<NATSEvent> { listeners.listen(limit: Self.limit) }

    func send(_ event: NATSEvent) { listeners.send(event) { _ in } }

    func close() { listeners.finish() }
}
