public import MicroCore
public import MicroEtcd

extension EtcdRegistry {
    /// What operators may set.
    public static let settings =
        [
            Keys.address.declaration, Keys.user.declaration, Keys.password.declaration,
            Keys.timeout.declaration, Keys.prefix.declaration,
        ] + TLSConfiguration.settings

    private enum Keys {
        static let timeoutRange = Duration.milliseconds(100)...Duration.seconds(60)

        static let address = Setting(
            "address", .list("addresses with commas"), default: Configuration.defaults.addresses,
            "the members of the cluster, each as `host:port`, `http://host:port` or `https://host:port`")
        static let user = Setting("user", .text, "the user, where etcd asks for one")
        static let password = Setting("password", .text, isSecret: true, "the user's password")
        static let timeout = Setting(
            "timeout", .duration(in: timeoutRange), default: Configuration.defaults.timeout,
            "how long a call may take, attempts at other members included")
        static let prefix = Setting(
            "prefix", .text("a path"), default: Configuration.defaults.prefix, "what all keys begin with")
    }

    /// How the etcd registry is set up.
    public struct Configuration: Hashable, Sendable {
        /// The members of the cluster: `host:port`, or a URL with `http://` or `https://`.
        ///
        /// One is used at a time, and another one when it fails. An address without a scheme is encrypted if
        /// ``tls`` is set.
        public var addresses: [String]

        /// Who we are; `nil` if etcd asks nobody.
        public var credentials: EtcdCredentials?

        /// Certificates and verification for encrypted connections; the system's trust if `nil`.
        public var tls: TLSConfiguration?

        /// How long a call may take, attempts at other members included.
        public var timeout: Duration

        /// What all keys begin with; `/micro/registry` as in go-micro.
        public var prefix: String

        /// An etcd at 127.0.0.1:2379, without user and encryption.
        public static var defaults: Self { Self(addresses: ["127.0.0.1:2379"]) }

        /// Creates a configuration.
        ///
        /// - Parameters:
        ///   - addresses: The members of the cluster.
        ///   - credentials: Who we are; `nil` if etcd asks nobody.
        ///   - tls: Certificates and verification for encrypted connections.
        ///   - timeout: How long a call may take.
        ///   - prefix: What all keys begin with.
        public init(
            addresses: [String], credentials: EtcdCredentials? = nil, tls: TLSConfiguration? = nil,
            timeout: Duration = .seconds(5), prefix: String = "/micro/registry"
        ) {
            self.addresses = addresses
            self.credentials = credentials
            self.tls = tls
            self.timeout = timeout
            self.prefix = prefix
        }

        /// Reads a configuration; ``EtcdRegistry/settings`` are what operators may set.
        ///
        /// - Parameter context: The service's configuration.
        /// - Throws: A ``StartError`` that names the variable that can't be used.
        public init(context: PluginContext) throws(StartError) {
            self = .defaults
            let settings = context.settings
            addresses = try settings[Keys.address]
            credentials = try Self.credentials(settings)
            timeout = try settings[Keys.timeout]
            prefix = try settings[Keys.prefix]
            tls = try context.tls()
            _ = try endpoints()
            try check()
        }

        private static func credentials(_ settings: Settings) throws(StartError) -> EtcdCredentials? {
            switch (try settings[Keys.user], try settings[Keys.password]) {
            case (nil, nil): return nil
            case (let user?, let password?): return EtcdCredentials(user: user, password: password)
            case (nil, _?):
                throw StartError(
                    .invalidConfiguration, "MICRO_REGISTRY_PASSWORD is set, but MICRO_REGISTRY_USER is not.")
            case (_?, nil):
                throw StartError(
                    .invalidConfiguration, "MICRO_REGISTRY_USER is set, but MICRO_REGISTRY_PASSWORD is not.")
            }
        }

        /// Checks what may also have been given in code.
        func check() throws(StartError) {
            guard Keys.timeoutRange.contains(timeout) else {
                throw StartError(
                    .invalidConfiguration,
                    "The time limit of the etcd registry is \(timeout); it takes 100 ms to 60 s.")
            }
            guard prefix.hasPrefix("/"), prefix.utf8.count <= 1024, prefix.contains(where: { $0 != "/" })
            else {
                throw StartError(
                    .invalidConfiguration,
                    "MICRO_REGISTRY_PREFIX is \"\(prefix.prefix(100))\"; it has to be a path such as "
                        + "/micro/registry.")
            }
        }

        /// The members, each of which says whether it is secure.
        func endpoints() throws(StartError) -> [EtcdEndpoint] {
            var endpoints: [EtcdEndpoint] = []
            // Also a comma in a password parts an address, so nothing is shown if any has one.
            guard !addresses.contains(where: { $0.contains("@") }) else {
                throw StartError(
                    .invalidConfiguration,
                    "MICRO_REGISTRY_ADDRESS has a user or password in an address. Set them by "
                        + "MICRO_REGISTRY_USER and MICRO_REGISTRY_PASSWORD, and leave host and port in the address."
                )
            }
            for text in addresses {
                guard var endpoint = EtcdEndpoint(text) else {
                    throw StartError(
                        .invalidConfiguration,
                        "MICRO_REGISTRY_ADDRESS has \"\(text.printableAddress())\", which is not an address of etcd: it "
                            + "takes host:port, http://host:port or https://host:port, with commas between.")
                }
                endpoint.isSecure = endpoint.isSecure ?? (tls != nil)
                if !endpoints.contains(endpoint) { endpoints.append(endpoint) }
            }
            guard !endpoints.isEmpty, endpoints.count <= Self.maximumEndpoints else {
                throw StartError(
                    .invalidConfiguration,
                    "MICRO_REGISTRY_ADDRESS has \(endpoints.count) addresses; etcd needs 1 to "
                        + "\(Self.maximumEndpoints).")
            }
            return endpoints
        }

        private static let maximumEndpoints = 100
    }
}
