internal import MicroCore

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
            guard let plain = percentDecoded(part) else {
                throw NATSError(.invalidAddress, "The user part of a NATS address has a malformed % escape.")
            }
            decoded.append(plain)
        }
        return decoded.count == 2 ? .user(decoded[0], password: decoded[1]) : .token(decoded[0])
    }

    private static func split(_ rest: Substring, text: String) throws(NATSError) -> (String, Int) {
        var host = rest
        var port: Substring?
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { throw invalid(text, "a bracket isn't closed") }
            host = rest[rest.index(after: rest.startIndex)..<end]
            let tail = rest[rest.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":") else {
                throw invalid(text, "a port must follow the bracket")
            }
            port = tail.isEmpty ? nil : tail.dropFirst()
        } else if let colon = rest.lastIndex(of: ":") {
            host = rest[..<colon]
            port = rest[rest.index(after: colon)...]
            guard !host.contains(":") else {
                throw invalid(text, "an IPv6 address stands in brackets, as in [::1]:4222")
            }
        }
        guard !host.isEmpty, host.unicodeScalars.allSatisfy({ $0 != " " && $0 != "/" && $0.isHarmless })
        else {
            throw invalid(text, "it has no host, or the host has a character that it can't have")
        }
        guard let port else { return (String(host), 4222) }
        guard let number = Int(port), (1...65535).contains(number) else {
            throw invalid(text, "the port must be a number from 1 to 65535")
        }
        return (String(host), number)
    }

    private static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func invalid(_ text: String, _ reason: String) -> NATSError {
        NATSError(
            .invalidAddress, "The NATS address \"\(text.printableAddress())\" can't be used: \(reason).")
    }
}

extension NATSServer: CustomStringConvertible {
    /// The host and port, without credentials.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
