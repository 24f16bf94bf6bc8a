internal import MicroCore
internal import MicroPluginKit
internal import MicroWire

/// What go-micro puts to a node's text record: JSON, compressed, in hexadecimal digits, cut in strings.
struct ServiceTXT: Hashable, Sendable {
    /// The name of the service.
    var service: String

    /// The version of the service.
    var version: String

    /// The endpoints.
    var endpoints: [EndpointRecord]?

    /// The metadata of the node; that of the service doesn't travel.
    var metadata: [String: String]?

    /// The longest version, in bytes.
    static let maximumVersionSize = 255

    private static let stringSize = 255

    /// The JSON, with the keys as go-micro spells them.
    var json: [UInt8] {
        var text = JSONText()
        text.raw("{\"Service\":")
        text.string(service)
        text.raw(",\"Version\":")
        text.string(version)
        text.raw(",\"Endpoints\":")
        text.array(endpoints) { $1.write(to: &$0) }
        text.raw(",\"Metadata\":")
        text.map(metadata)
        text.raw("}")
        return text.bytes
    }

    /// Cuts the compressed JSON into the strings of a text record.
    ///
    /// - Parameter json: The JSON.
    /// - Returns: Strings of 255 bytes and a last one that may be shorter; `nil` if memory ran out.
    static func strings(_ json: [UInt8]) -> [[UInt8]]? {
        guard let digits = Zlib.deflate(json).map(Hexadecimal.encode) else { return nil }
        return stride(from: 0, to: digits.count, by: Self.stringSize).map {
            Array(digits[$0..<min($0 + Self.stringSize, digits.count)])
        }
    }
}
