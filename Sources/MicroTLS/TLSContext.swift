internal import COpenSSL
public import MicroCore

/// What all secured connections of a server or client share: certificates, trust and rules.
///
/// Files are read when the context is made. Make it at start, so that whatever is wrong with them is known
/// then, and share it among all connections and event loops.
///
/// Files that change later, such as a certificate that was renewed, count for the connections that are made after
/// that: they are looked at when one is made, at most once in the configuration's `reloadInterval`. Connections that
/// are open go on. If the changed files can't be used, what they held before stays in use, which is logged once, and
/// they are tried again.
///
/// ```swift
/// let context = try TLSContext(configuration, role: .server, alpn: ["h2"])
/// try channel.pipeline.syncOperations.addHandler(TLSHandler(context))
/// ```
public struct TLSContext: Sendable {
    /// Which side of the connections it is for.
    public enum Role: Hashable, Sendable {
        /// The side that accepts connections.
        case server

        /// The side that opens connections.
        case client
    }

    /// Which side of the connections it is for.
    public let role: Role

    private let reloading: ReloadingContext

    /// The name that a server must have in place of the one that the caller gives.
    let expectedName: String?

    /// Whether the server's certificate is checked; servers always check what clients send.
    let verifiesServer: Bool

    /// The application protocols, of which one must be negotiated unless there are none.
    let alpn: [String]

    /// Creates a context.
    ///
    /// - Parameters:
    ///   - configuration: Certificates, trust and rules. A server needs a certificate and its key.
    ///   - role: Which side of the connections it is for.
    ///   - alpn: The application protocols by preference; if there are any, a peer that negotiates none
    ///     of them is refused.
    ///   - clock: The clock of the interval at which files are looked at.
    /// - Throws: A `StartError` with the code `security` that names the file or text, what is wrong
    ///   with it, and what to do.
    public init(
        _ configuration: TLSConfiguration, role: Role, alpn: [String] = [],
        clock: any Clock<Duration> = ContinuousClock()
    ) throws(StartError) {
        self.role = role
        self.expectedName = configuration.expectedName
        self.verifiesServer = role == .client && !configuration.insecurelySkipsVerification
        self.alpn = alpn
        reloading = try ReloadingContext(configuration, role: role, alpn: alpn, clock: clock)
    }

    /// What a new connection uses.
    var native: NativeContext { reloading.current }

    /// Looks at the files now, whatever the interval is.
    ///
    /// - Returns: Whether they have changed, so that new connections use others than before.
    /// - Throws: A `StartError` that says why the changed files can't be used; what they held before stays in use.
    @discardableResult
    public func reload() throws(StartError) -> Bool { try reloading.look() }
}
