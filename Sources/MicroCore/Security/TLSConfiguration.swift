/// How connections are secured; one value serves HTTP/2, etcd, NATS and HTTP.
///
/// TLS always verifies the server. A server asks for a client's certificate when ``trustRoots`` are
/// given to it and ``clientVerification`` says so.
///
/// ```swift
/// let tls = TLSConfiguration(
///     certificateChain: .file("/etc/greeter/tls.crt"),
///     privateKey: .file("/etc/greeter/tls.key"),
///     trustRoots: .file("/etc/greeter/ca.crt"),
///     clientVerification: .required)
/// ```
public struct TLSConfiguration: Hashable, Sendable {
    /// Where PEM text comes from.
    public enum PEMSource: Hashable, Sendable {
        /// A file, which is read when the service starts, and again when it has changed.
        case file(String)

        /// The text itself.
        case text(String)
    }

    /// Whether a server asks clients for a certificate.
    public struct ClientVerification: Hashable, Sendable {
        private enum Kind { case none, optional, required }

        private let kind: Kind

        /// Clients are not asked.
        public static var none: Self { Self(kind: .none) }

        /// Clients are asked; one that has a certificate must have a valid one.
        public static var optional: Self { Self(kind: .optional) }

        /// Clients without a valid certificate are refused.
        public static var required: Self { Self(kind: .required) }
    }

    /// A version of the protocol.
    public struct Version: Hashable, Sendable {
        private enum Kind { case tls12, tls13 }

        private let kind: Kind

        /// TLS 1.2 (RFC 5246).
        public static var tls12: Self { Self(kind: .tls12) }

        /// TLS 1.3 (RFC 8446).
        public static var tls13: Self { Self(kind: .tls13) }
    }

    /// Our certificate and those between it and the root; a server needs one.
    public var certificateChain: PEMSource?

    /// The key of our certificate.
    public var privateKey: PEMSource?

    /// The certificates that we trust; the system's if `nil`.
    public var trustRoots: PEMSource?

    /// Whether a server asks clients for a certificate.
    public var clientVerification: ClientVerification

    /// The name that a server's certificate must have, in place of the service's or host's.
    public var expectedName: String?

    /// The lowest version that is spoken.
    public var minimumVersion: Version

    /// How often files are looked at for changes, which count for new connections; zero for never.
    ///
    /// They are looked at when a connection is made. Connections that are open go on, and changed files that can't be
    /// used leave everything as it is.
    public var reloadInterval: Duration

    /// Whether a client accepts any certificate.
    ///
    /// It exists for fleets of go-micro, is set only by `MICRO_TLS_INSECURE_SKIP_VERIFY`, and is warned
    /// about at start.
    public var insecurelySkipsVerification: Bool

    /// Creates a configuration.
    ///
    /// - Parameters:
    ///   - certificateChain: Our certificate and those between it and the root.
    ///   - privateKey: The key of our certificate.
    ///   - trustRoots: The certificates that we trust; the system's if `nil`.
    ///   - clientVerification: Whether a server asks clients for a certificate.
    ///   - expectedName: The name that a server's certificate must have.
    ///   - minimumVersion: The lowest version that is spoken.
    ///   - reloadInterval: How often files are looked at for changes; zero for never.
    public init(
        certificateChain: PEMSource? = nil, privateKey: PEMSource? = nil, trustRoots: PEMSource? = nil,
        clientVerification: ClientVerification = .none, expectedName: String? = nil,
        minimumVersion: Version = .tls12, reloadInterval: Duration = .seconds(10)
    ) {
        self.certificateChain = certificateChain
        self.privateKey = privateKey
        self.trustRoots = trustRoots
        self.clientVerification = clientVerification
        self.expectedName = expectedName
        self.minimumVersion = minimumVersion
        self.reloadInterval = reloadInterval
        self.insecurelySkipsVerification = false
    }
}
