/// The servers that may be connected to, in the order in which they are tried.
struct ServerPool {
    struct Entry: Hashable {
        var server: NATSServer

        /// Whether a server has told us of it, rather than the configuration.
        var isLearnt: Bool

        /// The name that its certificate must have: a learnt address is only as good as who told it.
        var tlsName: String

        /// Whether it refused us for a reason that trying again won't cure.
        var refusedUs = false
    }

    private(set) var entries: [Entry]

    init(_ servers: [NATSServer], shuffled: Bool) {
        let entries = servers.map { Entry(server: $0, isLearnt: false, tlsName: $0.host) }
        self.entries = shuffled ? entries.shuffled() : entries
    }

    /// Whether there is a server beside the first.
    var hasAnother: Bool { entries.count > 1 }

    /// Whether every server has refused us.
    var allRefusedUs: Bool { entries.allSatisfy(\.refusedUs) }

    /// The server to try.
    var first: Entry? { entries.first }

    /// Puts the server that was tried behind the others.
    mutating func rotate() {
        guard let entry = entries.first else { return }
        entries.removeFirst()
        entries.append(entry)
    }

    /// Notes what became of the first server.
    mutating func mark(refusedUs: Bool) {
        guard !entries.isEmpty else { return }
        entries[0].refusedUs = refusedUs
    }

    /// Takes the addresses that the first server has told, and forgets those it no longer tells.
    ///
    /// - Returns: The addresses that are new.
    mutating func learn(_ addresses: [String]) -> [NATSServer] {
        guard let current = entries.first else { return [] }
        let told = addresses.compactMap { try? NATSServer($0) }
        entries.removeAll { entry in
            entry.isLearnt && entry != current
                && !told.contains { $0.host == entry.server.host && $0.port == entry.server.port }
        }
        var new: [NATSServer] = []
        for server in told
        where !entries.contains(where: { $0.server.host == server.host && $0.server.port == server.port }) {
            let secured = NATSServer(
                host: server.host, port: server.port, requiresTLS: current.server.requiresTLS,
                credentials: current.server.credentials)
            let isAddress = server.host.contains(":") || server.host.allSatisfy { $0.isNumber || $0 == "." }
            entries.append(
                Entry(server: secured, isLearnt: true, tlsName: isAddress ? current.tlsName : server.host))
            new.append(secured)
        }
        return new
    }
}
