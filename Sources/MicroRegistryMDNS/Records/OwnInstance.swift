internal import MicroCore
internal import MicroDNS

/// A node of ours, with all that is said about it on the network.
struct OwnInstance: Hashable, Sendable {
    /// The largest message that fits a datagram of IPv4.
    static let maximumMessageSize = 65535 - 20 - 8

    /// How long others may keep our records, in seconds.
    static let timeToLive: UInt32 = 120

    /// The port that the list of services has for all of them.
    static let listingPort: UInt16 = 9999

    /// The service, with this one node.
    let record: ServiceRecord

    /// The node's key.
    let key: NodeKey

    /// The name that finds the service's nodes.
    let service: DNSName

    /// The name of the node.
    let name: DNSName

    /// The name of the machine.
    let host: DNSName

    /// The service's name in the list of all.
    let listed: DNSName

    private let port: UInt16
    private let address: IPAddress
    private let text: [[UInt8]]

    /// Creates what is said about a node.
    ///
    /// - Parameters:
    ///   - record: The service.
    ///   - node: The node.
    ///   - names: The names of the domain.
    ///   - host: The name of the machine.
    /// - Throws: A ``MicroError`` with the status `invalidArgument` if go-micro's format can't say it.
    init(_ record: ServiceRecord, node: Node, names: ServiceNames, host: DNSName) throws(MicroError) {
        guard let service = names.service(record.name), let listed = names.listed(record.name),
            let name = names.instance(node.id, of: record.name)
        else { throw Self.unusableName(of: record, node: node, names: names) }
        guard let (hostText, portNumber) = HostPort.split(node.address), let address = IPAddress(hostText),
            let port = portNumber.flatMap(UInt16.init(exactly:)), port > 0
        else {
            throw MicroError(
                .invalidArgument,
                "mDNS can't hold the address \"\(node.address)\" of the node \"\(node.id)\": it must be an IP "
                    + "address and a port above 0.")
        }
        var single = record
        single.nodes = [node]
        self.record = single
        self.key = NodeKey(service: record.name, version: record.version, id: node.id)
        self.service = service
        self.name = name
        self.host = host
        self.listed = listed
        self.port = port
        self.address = address
        let json = ServiceTXT(
            service: record.name, version: record.version, endpoints: record.endpoints,
            metadata: node.metadata
        ).json
        self.text = ServiceTXT.strings(json) ?? []
        try checkSize(of: json)
    }

    /// Says which of the names can't be a DNS name, and what to do.
    private static func unusableName(of record: ServiceRecord, node: Node, names: ServiceNames) -> MicroError
    {
        let rule =
            "mDNS makes a DNS name of it, in which each part between dots has 1 to 63 bytes and the whole, with "
            + "the domain, at most 255"
        let service = record.name.printable(), id = node.id.printable()
        guard names.service(record.name) != nil, names.listed(record.name) != nil else {
            return MicroError(
                .invalidArgument,
                "The service name \"\(service)\" can't be used: \(rule). Choose another name (MICRO_SERVER_NAME), or "
                    + "another registry (MICRO_REGISTRY).")
        }
        return MicroError(
            .invalidArgument,
            "The node id \"\(id)\" of \"\(service)\" can't be used: \(rule). Choose a shorter id (MICRO_SERVER_ID) "
                + "or a shorter name (MICRO_SERVER_NAME), or another registry (MICRO_REGISTRY).")
    }

    /// Checks that a reader takes what we write, by reading it: one bound for both sides.
    private func checkSize(of json: [UInt8]) throws(MicroError) {
        let size = max(reply.encoded(compressed: false).count, probe.count)
        let problem: String
        switch TextReading(text).result {
        case .success where size <= Self.maximumMessageSize: return
        case .success:
            problem = "makes an mDNS packet of \(size) bytes; at most \(Self.maximumMessageSize) fit"
        case .failure(.badService):
            problem =
                "has a version of \(key.version.utf8.count) bytes; at most \(ServiceTXT.maximumVersionSize) fit"
        case .failure:
            let limit = TextCost.node
            problem =
                "has a description of \(json.count) bytes, with \(record.endpoints?.count ?? 0) endpoints; readers take "
                + "at most \(limit.bytes) bytes and \(limit.elements) JSON objects, arrays and map entries"
        }
        throw MicroError(
            .invalidArgument,
            "The record of the node \"\(key.id)\" \(problem). Give the service less metadata or fewer endpoints, split "
                + "it, or use a registry that holds more, such as etcd (MICRO_REGISTRY=etcd).")
    }

    /// The reply to a question for the service's nodes, with that question.
    private var reply: DNSMessage {
        DNSMessage(questions: [DNSQuestion(name: service, type: .ptr)], answers: pointed)
    }

    /// The pointer to the node, and all that is known of it: go-micro wants the server record in front
    /// of the address, and the text last.
    var pointed: [DNSRecord] { [record(service, .pointer(name))] + described }

    /// All that is known of the node.
    var described: [DNSRecord] { [serverRecord, addressRecord, textRecord] }

    /// Where the node is.
    var serverRecord: DNSRecord {
        record(name, .server(priority: 10, weight: 1, port: port, target: host))
    }

    /// The address of the machine, as the node gives it.
    var addressRecord: DNSRecord { record(host, .address(address)) }

    /// What the node offers.
    var textRecord: DNSRecord { record(name, .text(text)) }

    /// The service in the list of all, whose port and address mean nothing.
    var listing: [DNSRecord] {
        [
            record(
                listed, .server(priority: 10, weight: 1, port: Self.listingPort, target: host)),
            IPAddress("0.0.0.0").map { record(host, .address($0)) },
            record(listed, .text([])),
        ].compactMap(\.self)
    }

    /// The packet that tells everybody of the node.
    var announcement: [UInt8] {
        DNSMessage(flags: .response, answers: described).encoded(compressed: false)
    }

    /// The packet that takes the node back.
    var goodbye: [UInt8] {
        let answers = described.map { record in
            var record = record
            record.timeToLive = 0
            return record
        }
        return DNSMessage(flags: .response, answers: answers).encoded(compressed: false)
    }

    /// The packet that asks whether anybody else has the node's name.
    var probe: [UInt8] {
        let claim = record(name, .server(priority: 0, weight: 0, port: port, target: host))
        let question = DNSQuestion(name: name, type: .ptr)
        return DNSMessage(questions: [question], authorities: [claim, textRecord]).encoded(compressed: false)
    }

    private func record(_ name: DNSName, _ data: DNSRecord.Data) -> DNSRecord {
        DNSRecord(name: name, timeToLive: Self.timeToLive, data: data)
    }
}
