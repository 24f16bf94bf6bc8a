internal import MicroCore

/// What `micro get service` prints.
///
/// All of it comes from the registry, so anybody on the network may have written it.
enum ServiceText {
    /// Returns the description of a service, a block for each version.
    ///
    /// - Parameter records: What the registry knows, not empty.
    /// - Returns: The text, which ends with a newline.
    static func of(_ records: [ServiceRecord]) -> String {
        "service  \((records.first?.name ?? "").printable())\n" + records.map(block).joined()
    }

    private static func block(_ record: ServiceRecord) -> String {
        var text = "\nversion \(record.version.printable())\n\nID\tAddress\tMetadata\n"
        for node in record.nodes {
            let columns = [node.id, node.address, pairs(node.metadata)]
            text += columns.map { $0.printable(limit: 4096) }.joined(separator: "\t") + "\n"
        }
        return text + (record.endpoints ?? []).map(block).joined()
    }

    private static func block(_ endpoint: EndpointRecord) -> String {
        var text = "\nEndpoint: \(endpoint.name.printable())\n"
        let metadata = pairs(endpoint.metadata)
        if !metadata.isEmpty { text += "\nMetadata: \(metadata.printable(limit: 4096))\n" }
        text += "\nRequest: \(braces(endpoint.request?.values, depth: 0))\n"
        text += "\nResponse: \(braces(endpoint.response?.values, depth: 0))\n"
        return text
    }

    /// The fields of a value in braces.
    ///
    /// They have the names that the registry has: these are the keys that a call in JSON needs.
    private static func braces(_ fields: [ValueRecord]?, depth: Int) -> String {
        guard let fields, !fields.isEmpty else { return "{}" }
        let indent = String(repeating: "\t", count: depth + 1)
        let lines = fields.map { field in
            let nested = field.values.map { $0.isEmpty ? "" : " " + braces($0, depth: depth + 1) } ?? ""
            return "\(indent)\(field.name.printable()) \(field.type.printable())\(nested)\n"
        }
        return "{\n\(lines.joined())\(String(repeating: "\t", count: depth))}"
    }

    private static func pairs(_ metadata: [String: String]?) -> String {
        (metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
}
