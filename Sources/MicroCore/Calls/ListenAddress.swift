/// Where a server listens: a host and a port, a Unix domain socket, or a name.
///
/// A name is where a transport listens that has no hosts and ports of its own: a subject of a message system, a
/// queue, a name within the process. It means something to that transport alone, whose
/// ``Transport/usesNamedAddresses`` is `true`.
public struct ListenAddress: Hashable, Sendable {
    private enum Kind: Hashable {
        case hostPort(String, Int)
        case unixSocket(String)
        case named(String, scheme: String)
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

    /// A name.
    ///
    /// - Parameters:
    ///   - name: The name, such as a subject of NATS.
    ///   - scheme: Whose name it is: the transport's, as ``NodeProtocol/transport`` has it.
    /// - Returns: The address.
    public static func named(_ name: String, scheme: String) -> Self {
        Self(kind: .named(name, scheme: scheme))
    }

    /// The host and port, or `nil` for other addresses.
    public var hostPort: (host: String, port: Int)? {
        if case .hostPort(let host, let port) = kind { (host, port) } else { nil }
    }

    /// The path of a Unix domain socket, or `nil` for other addresses.
    public var unixSocketPath: String? {
        if case .unixSocket(let path) = kind { path } else { nil }
    }

    /// The name and whose name it is, or `nil` for other addresses.
    public var named: (name: String, scheme: String)? {
        if case .named(let name, let scheme) = kind { (name, scheme) } else { nil }
    }

    /// Whether only processes of this machine can connect; a name says nothing of that.
    public var isLocal: Bool {
        switch kind {
        case .hostPort(let host, _): host == "localhost" || HostPort.isLoopback(host)
        case .unixSocket: true
        case .named: false
        }
    }

    /// The address as a ``Node`` has it: a name stands alone there, since the node's metadata say whose it is.
    public var nodeAddress: String { named?.name ?? description }

    /// Reads an address of a transport that listens on names.
    ///
    /// - Parameters:
    ///   - text: `scheme:name`, or a name without a colon; empty or `:0` for any free name, which is
    ///     `.host("", port: 0)`. Otherwise the text is read as ``init(parsing:)`` does.
    ///   - scheme: Whose names they are.
    /// - Throws: A ``StartError`` that says what is wrong with the text.
    public init(parsing text: String, scheme: String) throws(StartError) {
        let prefix = "\(scheme):"
        let name = text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
        guard name != text || !text.isEmpty && !text.contains(":") else {
            try self.init(parsing: text)
            return
        }
        guard Self.isName(name) else {
            throw StartError(
                .invalidConfiguration,
                "The address \"\(text.printableAddress())\" has no usable name: \(prefix) is followed by 1 to 255 bytes "
                    + "without spaces and control characters.")
        }
        self = .named(name, scheme: scheme)
    }

    /// Whether a text can be the name of a named address.
    package static func isName(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy { $0 != " " && $0.isHarmless }
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
    /// The address in the form that ``init(parsing:)`` reads, or ``init(parsing:scheme:)`` for a name.
    public var description: String {
        switch kind {
        case .hostPort(let host, let port): HostPort.join(host, port)
        case .unixSocket(let path): "unix:\(path)"
        case .named(let name, let scheme): "\(scheme):\(name)"
        }
    }
}
