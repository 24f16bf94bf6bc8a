public import MicroCore

extension MDNSRegistry {
    /// What operators may set.
    public static let settings = [
        Keys.domain.declaration, Keys.interfaces.declaration, Keys.timeout.declaration,
    ]

    private enum Keys {
        static let domain = Setting(
            "domain",
            SettingKind("a domain name", write: \.self) { ServiceNames(domain: $0) == nil ? nil : $0 },
            default: Configuration.defaults.domain, "the domain under which services are found, as go-micro's"
        )
        static let interfaces = Setting(
            "interfaces", .list("names with commas"), without: "all, with the loopback",
            "the network interfaces to use; each must exist at the start, but may be down")
        static let timeout = Setting(
            "timeout", .duration(in: .milliseconds(1) ... .seconds(60)),
            default: Configuration.defaults.timeout,
            "how long a lookup waits for the first answer; while answers come it goes on, for a second more at most"
        )
    }

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

        /// Reads a configuration; ``MDNSRegistry/settings`` are what operators may set.
        ///
        /// - Parameter context: The service's configuration.
        /// - Throws: A ``StartError`` that names the variable that can't be used.
        public init(context: PluginContext) throws(StartError) {
            let settings = context.settings
            self.init(
                domain: try settings[Keys.domain], interfaces: try settings[Keys.interfaces],
                timeout: try settings[Keys.timeout])
        }
    }
}
