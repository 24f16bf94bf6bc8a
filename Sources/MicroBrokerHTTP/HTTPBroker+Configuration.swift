public import MicroCore

extension HTTPBroker {
    /// How the broker is set up.
    public struct Configuration: Hashable, Sendable {
        /// Where to receive events, once there is a subscription.
        ///
        /// The default is go-micro's: any free port of 127.0.0.1, so that only services of this machine can
        /// publish to it.
        public var address: ListenAddress

        /// The address that publishers are told, with or without a port; the one that is bound if `nil`.
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
        ///   - advertise: The address that publishers are told.
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

        /// Reads a configuration.
        ///
        /// ## Configuration keys
        ///
        /// - `broker.address` (`MICRO_BROKER_ADDRESS`): Where to receive events, as `host:port`;
        ///   `127.0.0.1:0` by default. Set `:0` or an address of the network for services on other machines,
        ///   and TLS with it: what travels in plaintext can be read and forged.
        /// - `broker.advertise` (`MICRO_BROKER_ADVERTISE`): The address that publishers are told, with or
        ///   without a port; the one that is bound by default.
        /// - `broker.timeout` (`MICRO_BROKER_TIMEOUT`): How long a subscriber may take for an event, 1 ms to
        ///   24 h; `30s` by default.
        /// - `broker.retries` (`MICRO_BROKER_RETRIES`): How often an event is sent again to a subscriber that
        ///   did not take it, 0 to 100; 3 by default.
        /// - `broker.max.event.size` (`MICRO_BROKER_MAX_EVENT_SIZE`): The greatest number of bytes of an event
        ///   in its envelope, which is a third larger than the event, 1024 to 1073741824; 4194304 by default.
        /// - `broker.tls.…` (`MICRO_BROKER_TLS_…`, or else `MICRO_TLS_…`): Certificates and verification; see
        ///   `TLSConfiguration`. A subscriber's certificate must name `micro.http.broker`, or what `…_NAME` says.
        ///
        /// - Parameter context: The service's configuration.
        /// - Throws: A `StartError` that names the variable that can't be used.
        public init(context: PluginContext) throws(StartError) {
            self.init(tls: try context.tls())
            let variables = context.variables
            // A list is a client's, for brokers that are servers; this one listens at the first.
            if let first = variables.list("address")?.first { address = try ListenAddress(parsing: first) }
            guard address.hostPort != nil else { throw variables.invalid("address", "a host and a port") }
            if let text = variables.text("advertise") {
                guard HostPort.split(text) != nil, !HostPort.isNumber(text) else {
                    throw variables.invalid("advertise", "a host, or host:port")
                }
                advertise = text
            }
            timeout =
                try variables.duration("timeout", in: .milliseconds(1) ... .seconds(86400)) ?? timeout
            retries = try variables.number("retries", in: 0...100) ?? retries
            maximumEventSize =
                try variables.number("max.event.size", in: 1024...(1 << 30)) ?? maximumEventSize
        }
    }
}
