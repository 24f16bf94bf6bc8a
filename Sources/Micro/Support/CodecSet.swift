import MicroCore

/// The codecs of a service or client, the preferred ones first.
struct CodecSet: Sendable {
    let codecs: [any Codec]

    /// The content subtypes that any codec offers, the preferred ones first.
    let subtypes: [String]

    init(_ codecs: [any Codec]) {
        self.codecs = codecs
        var subtypes: [String] = []
        for subtype in codecs.flatMap(\.contentSubtypes) where !subtypes.contains(subtype) {
            subtypes.append(subtype)
        }
        self.subtypes = subtypes
    }

    /// What to do about a type that no linked codec knows.
    static let advice = """
        Codable types need the product "MicroCodecJSON", and Protobuf messages, generated from a .proto file, the product \
        "MicroCodecProtobuf", among the target's dependencies in Package.swift. A type that is neither must become one: \
        declare it Codable, or generate it.
        """

    /// Returns the coder of the first codec that has one.
    func coder<Value: Sendable>(for type: Value.Type, subtype: String) -> MessageCoder<Value>? {
        for codec in codecs where codec.contentSubtypes.contains(subtype) {
            if let coder = codec.coder(for: type, subtype: subtype) { return coder }
        }
        return nil
    }
}
