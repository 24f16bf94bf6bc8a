public import MicroCore

/// How a client of etcd is set up.
public struct EtcdConfiguration: Hashable, Sendable {
    /// The members of the cluster, at least one.
    ///
    /// One is used at a time, and another one when it fails. An endpoint that doesn't say whether it is secure is
    /// if ``tls`` is set.
    public var endpoints: [EtcdEndpoint]

    /// Who we are; `nil` if etcd asks nobody.
    public var credentials: EtcdCredentials?

    /// Certificates and verification for encrypted connections; the system's trust if `nil`.
    public var tls: TLSConfiguration?

    /// How long a call may take, attempts at other members included.
    public var timeout: Duration

    /// Keys that are read when a connection is opened, to find out whether we may.
    ///
    /// With `nil` it is enough if etcd knows us: a user who may not read any key is found out by the first call.
    public var probe: EtcdKeyRange?

    /// What errors call the client and its settings.
    public var naming: Naming

    /// The words with which errors tell where something has to be changed.
    public struct Naming: Hashable, Sendable {
        /// The client, at the beginning of a sentence.
        public var client: String

        /// Where user and password are set.
        public var credentials: String

        /// The keys that the client uses.
        public var keys: String

        /// Creates words.
        ///
        /// - Parameters:
        ///   - client: The client, at the beginning of a sentence, such as `The etcd registry`.
        ///   - credentials: Where user and password are set.
        ///   - keys: The keys that the client uses.
        public init(
            client: String = "The etcd client", credentials: String = "the credentials",
            keys: String = "these keys"
        ) {
            self.client = client
            self.credentials = credentials
            self.keys = keys
        }
    }

    /// Creates a configuration.
    ///
    /// - Parameters:
    ///   - endpoints: The members of the cluster, at least one.
    ///   - credentials: Who we are; `nil` if etcd asks nobody.
    ///   - tls: Certificates and verification for encrypted connections.
    ///   - timeout: How long a call may take.
    ///   - probe: Keys that are read when a connection is opened.
    ///   - naming: What errors call the client and its settings.
    public init(
        endpoints: [EtcdEndpoint], credentials: EtcdCredentials? = nil, tls: TLSConfiguration? = nil,
        timeout: Duration = .seconds(5), probe: EtcdKeyRange? = nil, naming: Naming = Naming()
    ) {
        self.endpoints = endpoints
        self.credentials = credentials
        self.tls = tls
        self.timeout = timeout
        self.probe = probe
        self.naming = naming
    }

    /// The endpoints, each of which says whether it is secure.
    var resolvedEndpoints: [EtcdEndpoint] {
        endpoints.map { endpoint in
            var endpoint = endpoint
            endpoint.isSecure = endpoint.isSecure ?? (tls != nil)
            return endpoint
        }
    }
}
