public import MicroCore
public import SwiftProtobuf

extension ValueRecord {
    /// How many levels of fields are described, as in go-micro.
    private static let depthLimit = 3

    /// Fields with numbers above this one are left out: each number is asked for.
    private static let numberLimit = 2047

    /// Describes a Protobuf message as a registry tells of it: its fields with the names of their types in
    /// Go.
    ///
    /// - Parameter type: The message's type.
    public init(describingMessage type: any SwiftProtobuf.Message.Type) {
        self = Self.describe(type, depth: 0)
    }

    static func describe<Value: SwiftProtobuf.Message>(_ type: Value.Type, depth: Int) -> ValueRecord {
        let name = typeName(type)
        guard depth < depthLimit else { return ValueRecord(name: name, type: name) }
        var recorder = FieldRecorder(numbers: 1...numberLimit, depth: depth)
        var message = Value()
        try? message.decodeMessage(decoder: &recorder)
        let values = recorder.fields.map { field in
            ValueRecord(
                name: fieldName(field.number, of: type), type: field.type, values: field.values)
        }
        return ValueRecord(name: name, type: name, values: values.isEmpty ? nil : values)
    }

    /// The name of a message without its package.
    static func typeName(_ type: any SwiftProtobuf.Message.Type) -> String {
        String(type.protoMessageName.split(separator: ".").last ?? "")
    }

    /// The name of a field as its definition has it, or its number where that can't be found out.
    ///
    /// The library doesn't tell names, but it writes them: into the text form of a message that has only
    /// this field.
    private static func fieldName<Value: SwiftProtobuf.Message>(_ number: Int, of type: Value.Type) -> String
    {
        var recorder = FieldRecorder(numbers: number...number, depth: depthLimit)
        var message = Value()
        try? message.decodeMessage(decoder: &recorder)
        let name = message.textFormatString().prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        return name.isEmpty ? "\(number)" : String(name)
    }
}
