public import MicroCore
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

extension NATSBroker.Configuration {
    /// Reads a configuration.
    ///
    /// ## Configuration keys
    ///
    /// - `address` (`MICRO_BROKER_ADDRESS`): The servers, parted by commas, as `nats://host:port`,
    ///   `tls://host:port` or `host:port`; `nats://127.0.0.1:4222` by default.
    /// - `user`, `password` (`MICRO_BROKER_USER`, `MICRO_BROKER_PASSWORD`): A user with a password.
    /// - `token` (`MICRO_BROKER_TOKEN`): A token.
    /// - `nkey` (`MICRO_BROKER_NKEY`): The path of a file with an nkey seed.
    /// - `credentials` (`MICRO_BROKER_CREDENTIALS`): The path of a credentials file with a JWT.
    /// - `tls.first` (`MICRO_BROKER_TLS_FIRST`): `true` for a TLS handshake before the server's first word.
    /// - `tls.…` (`MICRO_BROKER_TLS_…`, or else `MICRO_TLS_…`): Certificates and trust; see
    ///   `TLSConfiguration`.
    /// - `reconnect.buffer` (`MICRO_BROKER_RECONNECT_BUFFER`): How many bytes are kept while there is no
    ///   connection, 0 to 1073741824; 8388608 by default.
    /// - `jetstream` (`MICRO_BROKER_JETSTREAM`): `true` for delivery at least once.
    /// - `stream` (`MICRO_BROKER_STREAM`): The stream of all topics.
    /// - `stream.subjects` (`MICRO_BROKER_STREAM_SUBJECTS`): Its subjects, parted by commas.
    /// - `stream.storage` (`MICRO_BROKER_STREAM_STORAGE`): `file` (the default) or `memory`.
    /// - `stream.replicas` (`MICRO_BROKER_STREAM_REPLICAS`): 1 to 5.
    /// - `stream.domain` (`MICRO_BROKER_STREAM_DOMAIN`): The JetStream domain.
    /// - `durable` (`MICRO_BROKER_DURABLE`): The durable name of subscriptions without a queue.
    /// - `deliver` (`MICRO_BROKER_DELIVER`): `new` (the default) or `all`: where a new consumer begins.
    /// - `ack.wait` (`MICRO_BROKER_ACK_WAIT`): 100 ms to 1 h; `30s` by default.
    /// - `max.deliver` (`MICRO_BROKER_MAX_DELIVER`): 1 to 1000000; 5 by default.
    /// - `redelivery.delay` (`MICRO_BROKER_REDELIVERY_DELAY`): 0 to 1 h; `100ms` by default.
    /// - `publish.timeout` (`MICRO_BROKER_PUBLISH_TIMEOUT`): 1 ms to 10 min; `10s` by default.
    ///
    /// - Parameter context: The service's configuration.
    /// - Throws: A `StartError` that names the variable that can't be used.
    public init(context: PluginContext) throws(StartError) {
        let values = context.variables
        self.init()
        if let addresses = values.list("address"), !addresses.isEmpty {
            client.servers = []
            for address in addresses {
                do throws(NATSError) {
                    client.servers.append(try NATSServer(address))
                } catch {
                    throw Self.invalidAddress(error, of: addresses)
                }
            }
        }
        client.name = context.service.nodeID
        client.credentials = try Self.credentials(values)
        client.performsTLSFirst = try values.flag("tls.first") ?? false
        client.tls = try context.tls()
        if let bytes = try values.number("reconnect.buffer", in: 0...(1 << 30)) {
            client.reconnectBufferSize = bytes
        }
        jetStream = try JetStreamVariables.read(values)
    }

    private static func invalidAddress(_ error: NATSError, of addresses: [String]) -> StartError {
        guard addresses.count > 1, addresses.contains(where: { $0.contains("@") }) else {
            return StartError(.invalidConfiguration, "MICRO_BROKER_ADDRESS: \(error.message)")
        }
        // What looks like an address may be the first half of a password with a comma in it.
        return StartError(
            .invalidConfiguration,
            "MICRO_BROKER_ADDRESS has an address that can't be used. In a user or password, write a comma as %2C, a "
                + "space as %20 and a slash as %2F; or set MICRO_BROKER_USER and MICRO_BROKER_PASSWORD.")
    }

    private static func credentials(_ values: PluginVariables) throws(StartError) -> NATSCredentials? {
        let user = values.text("user")
        let given: [(String, NATSCredentials)] = [
            user.map {
                ("MICRO_BROKER_USER", .user($0, password: values.text("password", isSecret: true) ?? ""))
            },
            values.text("token", isSecret: true).map { ("MICRO_BROKER_TOKEN", .token($0)) },
            values.text("nkey").map { ("MICRO_BROKER_NKEY", .nkey(file: $0)) },
            values.text("credentials").map { ("MICRO_BROKER_CREDENTIALS", .credentials(file: $0)) },
        ].compactMap(\.self)
        if user == nil, values.text("password", isSecret: true) != nil {
            throw StartError(
                .invalidConfiguration, "MICRO_BROKER_PASSWORD is set, but MICRO_BROKER_USER is not. Set both."
            )
        }
        guard given.count <= 1 else {
            throw StartError(
                .invalidConfiguration,
                "\(given.map(\.0).joined(separator: " and ")) are set. A client has one kind of credentials; "
                    + "remove all but one.")
        }
        return given.first?.1
    }
}

/// The variables of JetStream.
private enum JetStreamVariables {
    static func read(_ values: PluginVariables) throws(StartError) -> NATSBroker.JetStreamOptions? {
        guard try values.flag("jetstream") ?? false else { return nil }
        var options = NATSBroker.JetStreamOptions()
        options.stream = try name(values, "stream")
        options.durableName = try name(values, "durable")
        options.domain = try name(values, "stream.domain")
        options.subjects = values.list("stream.subjects") ?? []
        for subject in options.subjects where !NATSSubject.canSubscribe(to: subject) {
            throw values.invalid("stream.subjects", "subjects, and \(subject.debugDescription) is none")
        }
        if !options.subjects.isEmpty, options.stream == nil {
            throw values.invalid("stream.subjects", "them together with MICRO_BROKER_STREAM")
        }
        if let storage = values.text("stream.storage") {
            guard let storage = StreamConfiguration.Storage(rawValue: storage) else {
                throw values.invalid("stream.storage", "file or memory")
            }
            options.storage = storage
        }
        switch values.text("deliver") {
        case nil, "new": break
        case "all": options.startsWithAll = true
        default: throw values.invalid("deliver", "new or all")
        }
        try readLimits(values, &options)
        return options
    }

    private static func readLimits(
        _ values: PluginVariables, _ options: inout NATSBroker.JetStreamOptions
    ) throws(StartError) {
        options.replicas = try values.number("stream.replicas", in: 1...5) ?? options.replicas
        options.maximumDeliveries =
            try values.number("max.deliver", in: 1...1_000_000) ?? options.maximumDeliveries
        let hour = Duration.seconds(3600)
        options.ackWait = try values.duration("ack.wait", in: .milliseconds(100)...hour) ?? options.ackWait
        options.redeliveryDelay =
            try values.duration("redelivery.delay", in: .zero...hour) ?? options.redeliveryDelay
        options.publishTimeout =
            try values.duration("publish.timeout", in: .milliseconds(1) ... .seconds(600))
            ?? options.publishTimeout
    }

    private static func name(_ values: PluginVariables, _ key: String) throws(StartError) -> String? {
        guard let name = values.text(key) else { return nil }
        guard NATSSubject.isToken(name) else {
            throw values.invalid(key, "a name without dots, spaces, wildcards and slashes")
        }
        return name
    }
}
