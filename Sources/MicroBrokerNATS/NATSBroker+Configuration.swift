public import MicroNATS

extension NATSBroker {
    /// How a NATS broker behaves.
    public struct Configuration: Hashable, Sendable {
        /// The servers, the credentials and the rest of the connection.
        public var client: NATSClient.Configuration

        /// How events are kept for subscriptions at least once; `nil` for core NATS alone.
        public var jetStream: JetStreamOptions?

        /// Creates a configuration.
        ///
        /// - Parameters:
        ///   - client: The servers, the credentials and the rest of the connection.
        ///   - jetStream: How events are kept; `nil` for core NATS alone.
        public init(client: NATSClient.Configuration = .init(), jetStream: JetStreamOptions? = nil) {
            self.client = client
            self.jetStream = jetStream
        }
    }

    /// How events are kept in streams, and handed out until they are acknowledged.
    public struct JetStreamOptions: Hashable, Sendable {
        /// The stream of all topics; `nil` for a stream of each topic's own.
        public var stream: String?

        /// The subjects of that stream, which is made at start if it isn't there.
        public var subjects: [String] = []

        /// Where streams that the broker makes keep their events.
        public var storage = StreamConfiguration.Storage.file

        /// On how many servers they keep them.
        public var replicas = 1

        /// The durable name of subscriptions without a queue; `nil` for one of the process's own, which is
        /// forgotten some minutes after it.
        public var durableName: String?

        /// Whether a new consumer begins with what the stream holds, or with what comes.
        public var startsWithAll = false

        /// How long the server waits for an acknowledgement, or a sign of work, before it hands an event
        /// out again.
        public var ackWait = Duration.seconds(30)

        /// How often an event is handed out at most.
        public var maximumDeliveries = 5

        /// How long an event waits that is refused without a delay; it doubles with each time.
        public var redeliveryDelay = Duration.milliseconds(100)

        /// How long publishing tries to get an event stored.
        public var publishTimeout = Duration.seconds(10)

        /// The JetStream domain; `nil` for the server's own.
        public var domain: String?

        /// Creates options: a stream in files for each topic.
        public init() {}
    }
}
