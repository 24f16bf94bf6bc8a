internal import MicroCore
internal import MicroPluginKit

/// The address of a server.
///
/// It is written as `nats://host:4222`, `tls://host:4222` or `host:4222`; the port is 4222 unless it is
/// given. A user and password, or a token, may stand before the host: `nats://user:password@host`.
public struct NATSServer: Hashable, Sendable {
    /// The name or IP address, without brackets.
    public var host: String

    /// The port.
    public var port: Int

    /// Whether the connection must be secured.
    public var requiresTLS: Bool

    /// The credentials of the address, which go before those of the configuration.
    public var credentials: NATSCredentials?

    /// Creates an address.
    ///
    /// - Parameters:
    ///   - host: The name or IP address.
    ///   - port: The port.
    ///   - requiresTLS: Whether the connection must be secured.
    ///   - credentials: Credentials for this server alone.
    public init(
        host: String, port: Int = 4222, requiresTLS: Bool = false, credentials: NATSCredentials? = nil
    ) {
        self.host = host
        self.port = port
        self.requiresTLS = requiresTLS
        self.credentials = credentials
    }

    /// Reads an address.
    ///
    /// - Parameter text: The address.
    /// - Throws: A ``NATSError`` with the code `invalidAddress`.
    public init(_ text: String) throws(NATSError) {
        var rest = text[...]
        var requiresTLS = false
        if let separator = text.firstRange(of: "://") {
            switch text[..<separator.lowerBound].lowercased() {
            case "nats": break
            case "tls": requiresTLS = true
            case let scheme:
                throw Self.invalid(
                    text, "the scheme \(scheme.printable(limit: 20)) is unknown; use nats:// or tls://")
            }
            rest = text[separator.upperBound...]
        }
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        var credentials: NATSCredentials?
        if let at = rest.lastIndex(of: "@") {
            let user = rest[..<at]
            rest = rest[rest.index(after: at)...]
            credentials = try Self.credentials(in: user, text: text)
        }
        let (host, port) = try Self.split(rest, text: text)
        self.init(host: host, port: port, requiresTLS: requiresTLS, credentials: credentials)
    }

    private static func credentials(in user: Substring, text: String) throws(NATSError) -> NATSCredentials {
        let parts = user.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var decoded: [String] = []
        for part in parts {
            guard let bytes = PercentCoding.decodeStrictly(part.utf8),
                let plain = String(validating: bytes, as: UTF8.self)
            else {
                throw NATSError(.invalidAddress, "The user part of a NATS address has a malformed % escape.")
            }
            decoded.append(plain)
        }
        return decoded.count == 2 ? .user(decoded[0], password: decoded[1]) : .token(decoded[0])
    }

    private static func split(_ rest: Substring, text: String) throws(NATSError) -> (String, Int) {
        guard let (host, port) = HostPort.split(String(rest)), !host.isEmpty, !host.contains("/") else {
            throw invalid(text, "it is not of the form host:port or [IPv6]:port with a port from 1 to 65535")
        }
        guard rest.hasPrefix("[") || !host.contains(":") else {
            throw invalid(text, "an IPv6 address stands in brackets, as in [::1]:4222")
        }
        guard port != 0 else { throw invalid(text, "the port must be a number from 1 to 65535") }
        return (host, port ?? 4222)
    }

    private static func invalid(_ text: String, _ reason: String) -> NATSError {
        NATSError(
            .invalidAddress, "The NATS address \"\(text.printableAddress())\" can't be used: \(reason).")
    }
}

extension NATSServer: CustomStringConvertible {
    /// The host and port, without credentials.
    public var description: String { HostPort.join(host, port) }
}
