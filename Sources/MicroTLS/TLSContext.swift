internal import COpenSSL
public import MicroCore

/// What all secured connections of a server or client share: certificates, trust and rules.
///
/// Files are read once, when the context is made. Make it at start, so that whatever is wrong with
/// them is known then, and share it among all connections and event loops.
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

    let native: NativeContext

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
    /// - Throws: A `StartError` with the code `security` that names the file or text, what is wrong
    ///   with it, and what to do.
    public init(_ configuration: TLSConfiguration, role: Role, alpn: [String] = []) throws(StartError) {
        self.role = role
        self.expectedName = configuration.expectedName
        self.verifiesServer = role == .client && !configuration.insecurelySkipsVerification
        self.alpn = alpn
        native = try NativeContext(role: role)
        try native.setRules(minimumVersion: configuration.minimumVersion)
        try native.setIdentity(configuration, role: role)
        try native.setTrust(configuration, role: role)
        try native.setALPN(alpn, role: role)
    }
}
