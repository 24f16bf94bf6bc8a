public import MicroCore
import MicroNATS

extension NATSBroker {
    /// What operators may set.
    public static let settings =
        [
            Keys.address.declaration, Keys.user.declaration, Keys.password.declaration,
            Keys.token.declaration,
            Keys.nkey.declaration, Keys.credentials.declaration, Keys.reconnectBuffer.declaration,
            Keys.jetStream.declaration, Keys.stream.declaration, Keys.subjects.declaration,
            Keys.storage.declaration, Keys.replicas.declaration, Keys.domain.declaration,
            Keys.durable.declaration, Keys.deliver.declaration, Keys.ackWait.declaration,
            Keys.maximumDeliveries.declaration, Keys.redeliveryDelay.declaration,
            Keys.publishTimeout.declaration, Keys.tlsFirst.declaration,
        ] + TLSConfiguration.settings

    private enum Keys {
        private static let options = JetStreamOptions()

        static let address = Setting(
            "address", .list("addresses with commas"), default: ["nats://127.0.0.1:4222"],
            "the servers, as `nats://host:4222`, `tls://host:4222` or `host:4222`; others of the cluster are learnt"
        )
        static let user = Setting("user", .text, "a user with a password")
        static let password = Setting("password", .text, isSecret: true, "the user's password")
        static let token = Setting("token", .text, isSecret: true, "a token")
        static let nkey = Setting("nkey", .text("a path"), "a file with an nkey seed")
        static let credentials = Setting(
            "credentials", .text("a path"), "a credentials file with a JWT, as `nsc` writes it")
        static let reconnectBuffer = Setting(
            "reconnect.buffer", .number(in: 0...(1 << 30)),
            default: NATSClient.Configuration().reconnectBufferSize,
            "how many bytes are kept while there is no connection")
        static let jetStream = Setting(
            "jetstream", .flag, default: false, "`true` for delivery at least once")
        static let stream = Setting(
            "stream", .token, without: "a stream of each topic's own, made when it is first used",
            "the stream of all topics; without it no stream is made for a topic that some stream holds already"
        )
        static let subjects = Setting(
            "stream.subjects",
            SettingKind<[String]>("subjects with commas", write: { $0.joined(separator: ",") }) { text in
                let subjects = text.split { $0 == "," || $0 == " " }.map(String.init)
                return subjects.allSatisfy(NATSSubject.canSubscribe) ? subjects : nil
            }, default: [], "the subjects of that stream, which is made at the start if it isn't there")
        static let storage = Setting(
            "stream.storage", .choice(["file": .file, "memory": .memory]), default: options.storage,
            "where streams that the broker makes keep their events")
        static let replicas = Setting(
            "stream.replicas", .number(in: 1...5), default: options.replicas,
            "on how many servers they keep them")
        static let domain = Setting(
            "stream.domain", .token, without: "the server's own", "the JetStream domain")
        static let durable = Setting(
            "durable", .token, without: "one of the process's own",
            "the durable name of subscribers without a queue, which must differ between instances; without it they get "
                + "what comes while they live")
        static let deliver = Setting(
            "deliver", .choice(["new": false, "all": true]), default: options.startsWithAll,
            "whether a new consumer begins with what the stream holds, or with what comes")
        static let ackWait = Setting(
            "ack.wait", .duration(in: .milliseconds(100) ... .seconds(3600)), default: options.ackWait,
            "after how long without a sign of work an event is handed out again")
        static let maximumDeliveries = Setting(
            "max.deliver", .number(in: 1...1_000_000), default: options.maximumDeliveries,
            "how often an event is handed out at most")
        static let redeliveryDelay = Setting(
            "redelivery.delay", .duration(in: .zero ... .seconds(3600)), default: options.redeliveryDelay,
            "how long an event waits that is refused; it doubles with each time")
        static let publishTimeout = Setting(
            "publish.timeout", .duration(in: .milliseconds(1) ... .seconds(600)),
            default: options.publishTimeout,
            "how long publishing tries to get an event stored")
        static let tlsFirst = Setting(
            "tls.first", .flag, default: false, "`true` for a TLS handshake before the server's first word")
    }
}

extension SettingKind where Value == String {
    /// A name that can be a part of a subject.
    fileprivate static var token: Self {
        Self("a name without dots, spaces, wildcards and slashes", write: \.self) {
            NATSSubject.isToken($0) ? $0 : nil
        }
    }
}

extension NATSBroker.Configuration {
    private typealias Keys = NATSBroker.Keys

    /// Reads a configuration; ``NATSBroker/settings`` are what operators may set.
    ///
    /// - Parameter context: The service's configuration.
    /// - Throws: A `StartError` that names the variable that can't be used.
    public init(context: PluginContext) throws(StartError) {
        let settings = context.settings
        self.init()
        let addresses = try settings[Keys.address]
        client.servers = []
        for address in addresses {
            do throws(NATSError) {
                client.servers.append(try NATSServer(address))
            } catch {
                throw Self.invalidAddress(error, of: addresses)
            }
        }
        client.name = context.service.nodeID
        client.credentials = try Self.credentials(settings)
        client.performsTLSFirst = try settings[Keys.tlsFirst]
        client.tls = try context.tls()
        client.reconnectBufferSize = try settings[Keys.reconnectBuffer]
        jetStream = try settings[Keys.jetStream] ? try Self.jetStream(settings) : nil
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

    private static func credentials(_ settings: Settings) throws(StartError) -> NATSCredentials? {
        let (user, password) = (try settings[Keys.user], try settings[Keys.password])
        let token = try settings[Keys.token], nkey = try settings[Keys.nkey]
        let file = try settings[Keys.credentials]
        let given: [(String, NATSCredentials)] = [
            user.map { (settings.name(Keys.user), .user($0, password: password ?? "")) },
            token.map { (settings.name(Keys.token), .token($0)) },
            nkey.map { (settings.name(Keys.nkey), .nkey(file: $0)) },
            file.map { (settings.name(Keys.credentials), .credentials(file: $0)) },
        ].compactMap(\.self)
        if user == nil, password != nil {
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

    private static func jetStream(_ settings: Settings) throws(StartError) -> NATSBroker.JetStreamOptions {
        var options = NATSBroker.JetStreamOptions()
        options.stream = try settings[Keys.stream]
        options.durableName = try settings[Keys.durable]
        options.domain = try settings[Keys.domain]
        options.subjects = try settings[Keys.subjects]
        if !options.subjects.isEmpty, options.stream == nil {
            throw settings.invalid(Keys.subjects, "them together with MICRO_BROKER_STREAM")
        }
        options.storage = try settings[Keys.storage]
        options.startsWithAll = try settings[Keys.deliver]
        options.replicas = try settings[Keys.replicas]
        options.maximumDeliveries = try settings[Keys.maximumDeliveries]
        options.ackWait = try settings[Keys.ackWait]
        options.redeliveryDelay = try settings[Keys.redeliveryDelay]
        options.publishTimeout = try settings[Keys.publishTimeout]
        return options
    }
}
