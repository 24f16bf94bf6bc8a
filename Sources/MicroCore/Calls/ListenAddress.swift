/// Where a server listens: a host and a port, or a Unix domain socket.
public struct ListenAddress: Hashable, Sendable {
    private enum Kind: Hashable {
        case hostPort(String, Int)
        case unixSocket(String)
    }

    private let kind: Kind

    private init(kind: Kind) { self.kind = kind }

    /// A host and a port.
    ///
    /// - Parameters:
    ///   - host: An IP address or a name; empty for all addresses of the machine.
    ///   - port: A port; 0 lets the system choose a free one.
    /// - Returns: The address.
    public static func host(_ host: String, port: Int) -> Self { Self(kind: .hostPort(host, port)) }

    /// A Unix domain socket.
    ///
    /// - Parameter path: The path of the socket's file.
    /// - Returns: The address.
    public static func unixSocket(_ path: String) -> Self { Self(kind: .unixSocket(path)) }

    /// The host and port, or `nil` for a Unix domain socket.
    public var hostPort: (host: String, port: Int)? {
        if case .hostPort(let host, let port) = kind { (host, port) } else { nil }
    }

    /// The path of a Unix domain socket, or `nil` for a host and port.
    public var unixSocketPath: String? {
        if case .unixSocket(let path) = kind { path } else { nil }
    }

    /// Whether only processes of this machine can connect.
    public var isLocal: Bool {
        guard let (host, _) = hostPort else { return true }
        return host == "localhost" || HostPort.isLoopback(host)
    }

    /// Reads an address as `MICRO_SERVER_ADDRESS` has it.
    ///
    /// - Parameter text: `host:port`, `:port`, `[IPv6]:port`, a host alone (port 0) or `unix:path`.
    /// - Throws: A ``StartError`` that says what is wrong with the text.
    public init(parsing text: String) throws(StartError) {
        if text.hasPrefix("unix:") {
            let path = text.dropFirst("unix:".count)
            guard !path.isEmpty, path.utf8.count < 108 else {
                throw StartError(
                    .invalidConfiguration,
                    "The address \"\(text.printableAddress())\" has no usable path: a Unix socket's path has 1 to 107 bytes."
                )
            }
            self = .unixSocket(String(path))
            return
        }
        guard let (host, port) = HostPort.split(text) else {
            throw StartError(
                .invalidConfiguration,
                "The address \"\(text.printableAddress())\" is not of the form host:port, :port, [IPv6]:port or unix:path "
                    + "with a port from 0 to 65535."
            )
        }
        guard port != nil || !HostPort.isNumber(host) else {
            throw StartError(
                .invalidConfiguration,
                "The address \"\(host)\" is a number without a host. An address is host:port, such as \"127.0.0.1:\(host)\", "
                    + "or \":\(host)\" for all addresses of the machine."
            )
        }
        self = .host(host, port: port ?? 0)
    }
}

extension ListenAddress: CustomStringConvertible {
    /// The address in the form that ``init(parsing:)`` reads.
    public var description: String {
        switch kind {
        case .hostPort(let host, let port): HostPort.join(host, port)
        case .unixSocket(let path): "unix:\(path)"
        }
    }
}

/// The text form of a host and a port.
public enum HostPort {
    /// Takes a text apart.
    ///
    /// - Parameter text: `host:port`, `:port`, `[IPv6]:port`, or a host alone.
    /// - Returns: The host, without brackets, and the port if there is one; `nil` if the text has
    ///   another form or the port is out of range.
    public static func split(_ text: String) -> (host: String, port: Int?)? {
        var host = text[...]
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.lastIndex(of: ":"), text.firstIndex(of: ":") == colon {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard host.utf8.count <= 255,
            host.unicodeScalars.allSatisfy({ $0 != " " && $0 != "@" && $0.isHarmless })
        else {
            return nil
        }
        guard let port else { return (String(host), nil) }
        guard !port.isEmpty, port.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let number = Int(port), number <= 65535
        else { return nil }
        return (String(host), number)
    }

    /// Whether a text is a number, as a port is that was written without its colon.
    package static func isNumber(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    }

    /// Puts a text together; an IPv6 address gets brackets.
    ///
    /// - Parameters:
    ///   - host: A name or an IP address.
    ///   - port: A port.
    /// - Returns: The text.
    public static func join(_ host: String, _ port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Returns whether a host is an IP address of this machine's own loopback, in IPv6 also as a mapped one.
    ///
    /// - Parameter host: A name or an IP address, without brackets.
    /// - Returns: Whether it is; a name is not, whatever it looks like.
    package static func isLoopback(_ host: String) -> Bool {
        if host == "::1" { return true }
        let address = host.hasPrefix("::ffff:") ? host.dropFirst("::ffff:".count) : host[...]
        let parts = address.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
