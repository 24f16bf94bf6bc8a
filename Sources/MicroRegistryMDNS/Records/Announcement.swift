internal import MicroCore
internal import MicroDNS

/// A node of somebody's that a message tells of.
struct Announcement: Hashable, Sendable {
    /// The most nodes of one packet that are looked at; go-micro tells of one in each.
    static let maximumCount = 64

    /// The name of the node.
    var name: DNSName

    /// What the message says about it.
    var content: Content

    /// How long it may be believed, in seconds; 0 takes it back.
    var timeToLive: UInt32

    /// What a message says about a node.
    struct Content: Hashable, Sendable {
        var address: IPAddress
        var port: UInt16
        var text: [[UInt8]]
    }

    /// Returns the nodes that a message tells of.
    ///
    /// The records may stand in any order, and in the answer or additional section. A node without an
    /// address, a port or a text is left out; of two server records of a name the last one counts.
    ///
    /// - Parameter message: The message.
    /// - Returns: The nodes.
    static func all(in message: DNSMessage) -> [Announcement] {
        let records = message.answers + message.additionals
        var positions: [DNSName: Int] = [:]
        var announcements: [Announcement] = []
        var texts: [DNSName: DNSRecord] = [:]
        var addresses: [DNSName: DNSRecord] = [:]
        for record in records {
            switch record.data {
            case .text:
                texts[record.name] = record
            case .address(let address):
                // IPv4 goes before IPv6, as in go-micro.
                if addresses[record.name] == nil || address.isIPv4 { addresses[record.name] = record }
            case .pointer, .server, .alias, .authority, .options:
                continue
            }
        }
        for record in records {
            guard case .server(_, _, let port, let target) = record.data, port > 0,
                let text = texts[record.name], case .text(let strings) = text.data,
                let address = addresses[target], case .address(let host) = address.data
            else { continue }
            let announcement = Announcement(
                name: record.name, content: Content(address: host, port: port, text: strings),
                timeToLive: min(record.timeToLive, text.timeToLive, address.timeToLive))
            if let position = positions[record.name] {
                announcements[position] = announcement
            } else if announcements.count < maximumCount {
                positions[record.name] = announcements.count
                announcements.append(announcement)
            }
        }
        return announcements
    }

    /// Returns what the node is, from its text.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - names: The names of the domain.
    /// - Returns: The service with this one node; `nil` if the text belongs to another name.
    func record(of text: ServiceTXT, names: ServiceNames) -> ServiceRecord? {
        guard let id = names.id(of: name, service: text.service) else { return nil }
        let node = Node(
            id: id, address: HostPort.join(content.address.text, Int(content.port)), metadata: text.metadata)
        return ServiceRecord(
            name: text.service, version: text.version, endpoints: text.endpoints, nodes: [node])
    }
}
