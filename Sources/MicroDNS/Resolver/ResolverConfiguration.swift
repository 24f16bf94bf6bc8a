internal import MicroCore

/// A server that resolves names.
public struct DNSServer: Hashable, Sendable {
    /// The address.
    public var address: IPAddress

    /// The port.
    public var port: UInt16

    /// Creates a server.
    ///
    /// - Parameters:
    ///   - address: The address.
    ///   - port: The port.
    public init(_ address: IPAddress, port: UInt16 = 53) {
        self.address = address
        self.port = port
    }
}

extension DNSServer: CustomStringConvertible {
    /// The address as `host:port`.
    public var description: String { HostPort.join(address.text, Int(port)) }
}

extension DNSResolver {
    /// Whom a resolver asks, and how.
    public struct Configuration: Hashable, Sendable {
        /// The servers, of which one is asked after the other.
        public var servers: [DNSServer]

        /// How long one server may take.
        public var timeout: Duration

        /// How often each server is asked.
        public var attempts: Int

        /// The domains in which a name is looked for that isn't whole.
        public var searchDomains: [DNSName]

        /// How many dots a name needs to be looked for as it is before the domains are tried.
        public var minimumDots: Int

        /// Creates a configuration.
        ///
        /// - Parameters:
        ///   - servers: The servers.
        ///   - timeout: How long one server may take.
        ///   - attempts: How often each server is asked.
        ///   - searchDomains: The domains in which a name is looked for that isn't whole.
        ///   - minimumDots: How many dots a name needs to be looked for as it is first.
        public init(
            servers: [DNSServer], timeout: Duration = .seconds(5), attempts: Int = 2,
            searchDomains: [DNSName] = [], minimumDots: Int = 1
        ) {
            self.servers = servers
            self.timeout = timeout
            self.attempts = attempts
            self.searchDomains = searchDomains
            self.minimumDots = minimumDots
        }

        /// Reads a configuration as it stands in `/etc/resolv.conf` (resolv.conf(5)).
        ///
        /// Three servers and six domains are taken, as by the C library; lines that aren't understood are passed
        /// over, and so are addresses with a zone. Without a server, it is the one of this machine.
        ///
        /// - Parameter text: The file's text.
        public init(resolvConf text: String) {
            self.init(servers: [])
            for line in text.split(whereSeparator: \.isNewline) {
                let words = line.prefix { $0 != "#" && $0 != ";" }.split(whereSeparator: \.isWhitespace)
                guard let keyword = words.first else { continue }
                let values = words.dropFirst().map(String.init)
                switch keyword {
                case "nameserver":
                    guard servers.count < Self.maximumServers,
                        let address = values.first.flatMap(IPAddress.init)
                    else { continue }
                    servers.append(DNSServer(address))
                // The last one of the two counts.
                case "search", "domain":
                    searchDomains = Array(values.compactMap(DNSName.init).prefix(Self.maximumDomains))
                case "options":
                    for value in values { take(option: value) }
                default: continue
                }
            }
            if servers.isEmpty, let local = IPAddress("127.0.0.1") { servers = [DNSServer(local)] }
        }

        private mutating func take(option: String) {
            let parts = option.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let number = Int(parts[1]) else { return }
            switch parts[0] {
            case "timeout": timeout = .seconds(min(max(number, 1), 30))
            case "attempts": attempts = min(max(number, 1), 5)
            case "ndots": minimumDots = min(max(number, 0), 15)
            default: return
            }
        }

        private static let maximumServers = 3
        private static let maximumDomains = 6

        /// Returns the names that a text may mean, in the order in which they are tried.
        ///
        /// - Parameter text: A name; one that ends in a dot is whole.
        /// - Returns: The names, at least one.
        /// - Throws: A ``DNSError`` if it is no name.
        func candidates(for text: String) throws(DNSError) -> [DNSName] {
            guard let name = DNSName(text) else {
                throw DNSError(.invalidName, "\"\(text.printable(limit: 300))\" is not a name of DNS.")
            }
            guard !text.hasSuffix(".") else { return [name] }
            let inDomains = searchDomains.compactMap(name.under)
            let dots = text.utf8.count { $0 == UInt8(ascii: ".") }
            return dots >= minimumDots ? [name] + inDomains : inDomains + [name]
        }
    }
}
