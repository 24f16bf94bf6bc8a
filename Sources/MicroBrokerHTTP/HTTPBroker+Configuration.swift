public import MicroCore

extension HTTPBroker {
    /// What operators may set.
    public static let settings =
        [
            Keys.address.declaration, Keys.advertise.declaration, Keys.timeout.declaration,
            Keys.retries.declaration, Keys.maximumEventSize.declaration,
        ] + TLSConfiguration.settings

    private enum Keys {
        private static let defaults = Configuration()

        static let address = Setting(
            "address", .list("a host and a port"), default: ["\(defaults.address)"],
            "where to receive events; `:0` or an address of the network for services on other machines, and TLS with it"
        )
        static let advertise = Setting(
            "advertise",
            SettingKind<String>("a host, or host:port", write: \.self) { text in
                HostPort.split(text) != nil && !HostPort.isNumber(text) ? text : nil
            }, without: "the address that is bound",
            "the address that publishers get, with or without a port")
        static let timeout = Setting(
            "timeout", .duration(in: .milliseconds(1) ... .seconds(86400)), default: defaults.timeout,
            "how long a subscriber may take for an event")
        static let retries = Setting(
            "retries", .number(in: 0...100), default: defaults.retries,
            "how often an event is sent again to a subscriber that did not take it")
        static let maximumEventSize = Setting(
            "max.event.size", .number(in: 1024...(1 << 30)), default: defaults.maximumEventSize,
            "the greatest number of bytes of an event in its envelope, which is a third larger than the event"
        )
    }

    /// How the broker is set up.
    public struct Configuration: Hashable, Sendable {
        /// Where to receive events, once there is a subscription.
        ///
        /// The default is go-micro's: any free port of 127.0.0.1, so that only services of this machine can
        /// publish to it.
        public var address: ListenAddress

        /// The address that publishers get, with or without a port; the one that is bound if `nil`.
        public var advertise: String?

        /// How long a subscriber may take for an event.
        public var timeout: Duration

        /// How often an event is sent again to a subscriber that did not take it.
        public var retries: Int

        /// The greatest number of bytes of an event in its envelope.
        public var maximumEventSize: Int

        /// Certificates and verification; plaintext if `nil`.
        public var tls: TLSConfiguration?

        /// Creates a configuration.
        ///
        /// - Parameters:
        ///   - address: Where to receive events.
        ///   - advertise: The address that publishers get.
        ///   - timeout: How long a subscriber may take for an event.
        ///   - retries: How often an event is sent again to a subscriber that did not take it.
        ///   - maximumEventSize: The greatest number of bytes of an event in its envelope.
        ///   - tls: Certificates and verification; plaintext if `nil`.
        public init(
            address: ListenAddress = .host("127.0.0.1", port: 0), advertise: String? = nil,
            timeout: Duration = .seconds(30), retries: Int = 3, maximumEventSize: Int = 4 << 20,
            tls: TLSConfiguration? = nil
        ) {
            self.address = address
            self.advertise = advertise
            self.timeout = timeout
            self.retries = retries
            self.maximumEventSize = maximumEventSize
            self.tls = tls
        }

        /// Reads a configuration; ``HTTPBroker/settings`` are what operators may set.
        ///
        /// - Parameter context: The service's configuration.
        /// - Throws: A `StartError` that names the variable that can't be used.
        public init(context: PluginContext) throws(StartError) {
            let settings = context.settings
            self.init(tls: try context.tls())
            // A list is a client's, for brokers that are servers; this one listens at the first.
            if let first = try settings[Keys.address].first { address = try ListenAddress(parsing: first) }
            guard address.hostPort != nil else { throw settings.invalid(Keys.address, "a host and a port") }
            advertise = try settings[Keys.advertise]
            timeout = try settings[Keys.timeout]
            retries = try settings[Keys.retries]
            maximumEventSize = try settings[Keys.maximumEventSize]
        }
    }
}
