public import Configuration
internal import MicroCore

extension MDNSRegistry {
    /// How the mDNS registry behaves.
    public struct Configuration: Hashable, Sendable {
        /// The domain under which services are found, `micro` as in go-micro.
        public var domain: String

        /// The names of the network interfaces to use; `nil` for all, with the loopback.
        public var interfaces: [String]?

        /// How long a lookup waits for answers at most.
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
        ///   - timeout: How long a lookup waits for answers at most.
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
        /// - `timeout` (a duration such as `100ms` or `1.5s`, or a number of milliseconds; 1 ms to 60 s,
        ///   default `100ms`; `MICRO_REGISTRY_TIMEOUT`): how long a lookup waits for answers at most.
        ///
        /// - Parameter config: The configuration of the role.
        /// - Throws: A ``StartError`` that names the variable that can't be used.
        public init(config: ConfigReader) throws {
            self = .defaults
            if let domain = config.string(forKey: "domain"), !domain.isEmpty {
                guard ServiceNames(domain: domain) != nil else {
                    throw StartError(
                        .invalidConfiguration,
                        "MICRO_REGISTRY_DOMAIN is \"\(domain)\", which is not a domain name.")
                }
                self.domain = domain
            }
            if let names = config.string(forKey: "interfaces") {
                let list = names.split(whereSeparator: { $0 == "," || $0 == " " }).map(String.init)
                interfaces = list.isEmpty ? nil : list
            }
            if let text = config.string(forKey: "timeout"), !text.isEmpty {
                guard let timeout = GoDuration.parse(text), timeout >= .milliseconds(1),
                    timeout <= .seconds(60)
                else {
                    throw StartError(
                        .invalidConfiguration,
                        "MICRO_REGISTRY_TIMEOUT is \"\(text)\", which is not a duration from 1ms to 60s.")
                }
                self.timeout = timeout
            }
        }
    }
}
