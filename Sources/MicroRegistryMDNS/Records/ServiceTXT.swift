internal import FoundationEssentials
internal import MicroCore

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

    /// The largest JSON that is read, in bytes.
    ///
    /// A datagram holds 32 KiB of compressed data, from which zlib could make 32 MiB.
    static let maximumSize = 1 << 20

    /// The deepest nesting of the JSON that is read; go-micro describes values three levels deep.
    static let maximumDepth = 64

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

    /// The strings of the text record.
    ///
    /// - Returns: Strings of 255 bytes and a last one that may be shorter; `nil` if memory ran out.
    func strings() -> [[UInt8]]? {
        guard let digits = Zlib.deflate(json).map(Hexadecimal.encode) else { return nil }
        return stride(from: 0, to: digits.count, by: Self.stringSize).map {
            Array(digits[$0..<min($0 + Self.stringSize, digits.count)])
        }
    }
}

extension ServiceTXT: Decodable {
    /// Reads the strings of a text record, cut anywhere.
    ///
    /// - Parameter strings: The strings.
    /// - Throws: What is wrong with them.
    init(strings: [[UInt8]]) throws(DNSFormatError) {
        let stream = try Hexadecimal.decode(Array(strings.joined()))
        let json = try Zlib.inflate(stream, limit: Self.maximumSize)
        guard Self.depth(of: json) <= Self.maximumDepth,
            let decoded = try? JSONDecoder().decode(ServiceTXT.self, from: Data(json))
        else { throw .badService }
        self = decoded
    }

    /// Reads the JSON as Go does.
    init(from decoder: any Decoder) throws {
        let object = try GoObject(decoder)
        service = try object.value("Service") ?? ""
        version = try object.value("Version") ?? ""
        endpoints = try object.value("Endpoints")
        metadata = try object.value("Metadata")
    }

    /// The most brackets that are open at a time, so that nobody makes the decoder use up the stack.
    private static func depth(of json: [UInt8]) -> Int {
        var depth = 0
        var deepest = 0
        var isInString = false
        var isEscaped = false
        for byte in json {
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
            deepest = max(deepest, depth)
        }
        return deepest
    }
}
