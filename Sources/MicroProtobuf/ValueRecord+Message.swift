public import MicroCore
public import SwiftProtobuf

extension ValueRecord {
    /// How many levels of fields are described, as in go-micro.
    private static let depthLimit = 3

    /// Describes a Protobuf message as a registry tells of it: its fields with the names of their types in
    /// Go.
    ///
    /// - Parameter type: The message's type.
    public init(describingMessage type: any SwiftProtobuf.Message.Type) {
        self = Self.describe(type, depth: 0)
    }

    static func describe(_ type: any SwiftProtobuf.Message.Type, depth: Int) -> ValueRecord {
        let name = typeName(type)
        guard depth < depthLimit, let named = type as? any (SwiftProtobuf.Message & _ProtoNameProviding).Type
        else { return ValueRecord(name: name, type: name) }
        let values = fields(named, depth: depth)
        return ValueRecord(name: name, type: name, values: values.isEmpty ? nil : values)
    }

    /// The name of a message without its package.
    static func typeName(_ type: any SwiftProtobuf.Message.Type) -> String {
        String(type.protoMessageName.split(separator: ".").last ?? "")
    }

    private static func fields<Value: SwiftProtobuf.Message & _ProtoNameProviding>(
        _ type: Value.Type, depth: Int
    ) -> [ValueRecord] {
        var recorder = FieldRecorder(
            count: Google_Protobuf_FieldMask(allFieldsOf: type).paths.count, depth: depth)
        var message = Value()
        try? message.decodeMessage(decoder: &recorder)
        return recorder.fields.map { field in
            let mask = try? Google_Protobuf_FieldMask(fieldNumbers: [field.number], of: type)
            return ValueRecord(
                name: mask?.paths.first ?? "\(field.number)", type: field.type, values: field.values)
        }
    }
}
