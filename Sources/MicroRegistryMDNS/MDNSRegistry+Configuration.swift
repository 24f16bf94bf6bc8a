public import MicroCore

extension MDNSRegistry {
    /// How the mDNS registry behaves.
    public struct Configuration: Hashable, Sendable {
        /// The domain under which services are found, `micro` as in go-micro.
        public var domain: String

        /// The names of the network interfaces to use; `nil` for all, with the loopback.
        public var interfaces: [String]?

        /// How long a lookup waits for the first answer; while answers come it goes on, for a second more at most.
        public var timeout: Duration

        /// The domain `micro`, all interfaces, and a time limit of 100 ms, as in go-micro.
        public static var defaults: Self {
            Self(domain: "micro", interfaces: nil, timeout: .milliseconds(100))
        }

        /// Creates a configuration.
        ///
        /// - Parameters:
        ///   - domain: The domain under which services are found.
        ///   - interfaces: The names of the network interfaces to use; `nil` for all.
        ///   - timeout: How long a lookup waits for the first answer.
        public init(domain: String, interfaces: [String]?, timeout: Duration) {
            self.domain = domain
            self.interfaces = interfaces
            self.timeout = timeout
        }

        /// Reads a configuration.
        ///
        /// ## Configuration keys
        ///
        /// - `domain` (string, default `micro`; `MICRO_REGISTRY_DOMAIN`): the domain.
        /// - `interfaces` (comma-separated names, default all; `MICRO_REGISTRY_INTERFACES`): the network
        ///   interfaces to use.
        /// - `timeout` (a duration such as `100ms` or `1.5s`; 1 ms to 60 s, default `100ms`;
        ///   `MICRO_REGISTRY_TIMEOUT`): how long a lookup waits for the first answer.
        ///
        /// - Parameter context: The service's configuration.
        /// - Throws: A ``StartError`` that names the variable that can't be used.
        public init(context: PluginContext) throws(StartError) {
            self = .defaults
            let variables = context.variables
            if let domain = variables.text("domain") {
                guard ServiceNames(domain: domain) != nil else {
                    throw variables.invalid("domain", "a domain name")
                }
                self.domain = domain
            }
            if let names = variables.list("interfaces"), !names.isEmpty { interfaces = names }
            timeout = try variables.duration("timeout", in: .milliseconds(1) ... .seconds(60)) ?? timeout
        }
    }
}
