import Configuration
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
        /// - `broker.timeout` (`MICRO_BROKER_TIMEOUT`): How long a subscriber may take for an event, such as
        ///   `500ms`; `30s` by default.
        /// - `broker.retries` (`MICRO_BROKER_RETRIES`): How often an event is sent again to a subscriber that
        ///   did not take it, 0 to 100; 3 by default.
        /// - `broker.max.event.size` (`MICRO_BROKER_MAX_EVENT_SIZE`): The greatest number of bytes of an event
        ///   in its envelope, which is a third larger than the event, 1024 to 1073741824; 4194304 by default.
        /// - `tls.…` (`MICRO_TLS_…`): Certificates and verification; see `TLSConfiguration`. A subscriber's
        ///   certificate must name `micro.http.broker`, or what `MICRO_TLS_NAME` says.
        ///
        /// - Parameter context: The service's configuration.
        /// - Throws: A `StartError` that names the variable that can't be used.
        public init(context: PluginContext) throws(StartError) {
            self.init(tls: try TLSConfiguration(config: context.sharedConfig))
            let values = Values(config: context.config)
            if let text = values.text("address") {
                // A list is a client's, for brokers that are servers; this one listens at the first.
                address = try ListenAddress(
                    parsing: String(text.prefix { $0 != "," }).filter { $0 != " " })
            }
            guard address.hostPort != nil else {
                throw Values.invalid("ADDRESS", "\(address)", "a host and a port")
            }
            if let text = values.text("advertise") {
                guard HostPort.split(text) != nil else {
                    throw Values.invalid("ADVERTISE", text, "a host, or host:port")
                }
                advertise = text
            }
            if let text = values.text("timeout") {
                guard let duration = GoDuration.parse(text), duration > .zero else {
                    throw Values.invalid("TIMEOUT", text, "a duration such as 500ms or 30s")
                }
                timeout = duration
            }
            retries = try values.number("retries", "RETRIES", 0...100) ?? retries
            maximumEventSize =
                try values.number("max.event.size", "MAX_EVENT_SIZE", 1024...(1 << 30)) ?? maximumEventSize
        }
    }
}

/// The values of the broker's keys as they were given.
private struct Values {
    let config: ConfigReader

    func text(_ key: ConfigKey) -> String? {
        config.string(forKey: key).flatMap { $0.isEmpty ? nil : $0 }
    }

    func number(_ key: ConfigKey, _ name: String, _ range: ClosedRange<Int>) throws(StartError) -> Int? {
        guard let text = text(key) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw Self.invalid(name, text, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    static func invalid(_ name: String, _ text: String, _ wanted: String) -> StartError {
        StartError(.invalidConfiguration, "MICRO_BROKER_\(name) is \"\(text)\"; it takes \(wanted).")
    }
}
