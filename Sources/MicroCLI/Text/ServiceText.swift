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
        "service  \(PlainText.of(records.first?.name ?? ""))\n" + records.map(block).joined()
    }

    private static func block(_ record: ServiceRecord) -> String {
        var text = "\nversion \(PlainText.of(record.version))\n\nID\tAddress\tMetadata\n"
        for node in record.nodes {
            let columns = [node.id, node.address, pairs(node.metadata)]
            text += columns.map(PlainText.of).joined(separator: "\t") + "\n"
        }
        return text + (record.endpoints ?? []).map(block).joined()
    }

    private static func block(_ endpoint: EndpointRecord) -> String {
        var text = "\nEndpoint: \(PlainText.of(endpoint.name))\n"
        let metadata = pairs(endpoint.metadata)
        if !metadata.isEmpty { text += "\nMetadata: \(PlainText.of(metadata))\n" }
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
            return "\(indent)\(PlainText.of(field.name)) \(PlainText.of(field.type))\(nested)\n"
        }
        return "{\n\(lines.joined())\(String(repeating: "\t", count: depth))}"
    }

    private static func pairs(_ metadata: [String: String]?) -> String {
        (metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
}
