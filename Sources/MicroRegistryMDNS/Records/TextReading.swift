internal import MicroCore
internal import MicroDNS
internal import MicroPluginKit
internal import MicroWire

/// What came of reading a text record.
struct TextReading: Sendable {
    /// The text, or what is wrong with it.
    let result: Result<ServiceTXT, TextFormatError>

    /// What reading it has cost, whatever came of it.
    let cost: TextCost

    /// About how many bytes of memory the text takes.
    let size: Int

    /// Reads the strings of a text record, cut anywhere.
    ///
    /// - Parameters:
    ///   - strings: The strings.
    ///   - limit: What it may cost.
    init(_ strings: [[UInt8]], limit: TextCost = .node) {
        var cost = TextCost()
        do throws(TextFormatError) {
            let text = try Self.read(strings, limit: limit, cost: &cost)
            result = .success(text)
            size = text.approximateSize
        } catch {
            result = .failure(error)
            size = 0
        }
        self.cost = cost
    }

    private static func read(
        _ strings: [[UInt8]], limit: TextCost, cost: inout TextCost
    ) throws(TextFormatError) -> ServiceTXT {
        guard let stream = Hexadecimal.decode(Array(strings.joined())) else { throw .badHexadecimal }
        var json: [UInt8] = []
        defer { cost.bytes = json.count }
        try Zlib.inflate(stream, limit: limit.bytes, into: &json)
        var reader = JSONReader(json, limits: JSONReader.Limits(elements: limit.elements))
        defer { cost.elements = min(reader.elementCount, limit.elements) }
        do {
            let text = try reader.serviceText()
            guard text.hasUsableNames else { throw JSONReader.Fault.malformed(offset: 0) }
            return text
        } catch JSONReader.Fault.tooManyElements {
            throw .tooLarge
        } catch {
            throw .badService
        }
    }
}

extension ServiceTXT {
    /// Whether service and version are short enough to be compared and hashed at every packet.
    var hasUsableNames: Bool {
        service.utf8.count <= DNSName.maximumSize && version.utf8.count <= Self.maximumVersionSize
    }

    /// About how many bytes of memory it takes.
    fileprivate var approximateSize: Int {
        ServiceRecord(
            name: service, version: version, endpoints: endpoints,
            nodes: [Node(id: "", address: "", metadata: metadata)]
        ).approximateSize
    }
}

extension JSONReader {
    /// Reads all of the JSON of a node's text, as Go does.
    fileprivate mutating func serviceText() throws(Fault) -> ServiceTXT {
        var text = ServiceTXT(service: "", version: "")
        try object { reader, key throws(Fault) in
            if key.matches("Service") {
                text.service = try reader.string()
            } else if key.matches("Version") {
                text.version = try reader.string()
            } else if key.matches("Endpoints") {
                text.endpoints = try reader.endpoints()
            } else if key.matches("Metadata") {
                text.metadata = try reader.stringMap()
            } else {
                try reader.skip()
            }
        }
        try end()
        return text
    }
}
