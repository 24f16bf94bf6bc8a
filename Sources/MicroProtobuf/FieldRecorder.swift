internal import FoundationEssentials
import MicroCore
internal import SwiftProtobuf

/// A decoder that has no input: it asks a message for each of its fields, and writes down their types.
struct FieldRecorder: SwiftProtobuf.Decoder {
    /// Field numbers above this one are not asked for; almost no message has any.
    private static let limit = 32_767

    /// The fields that were found, by their numbers.
    private(set) var fields: [(number: Int, type: String, values: [ValueRecord]?)] = []

    /// How many fields the message has.
    let count: Int
    let depth: Int
    private var number = 0

    init(count: Int, depth: Int) {
        self.count = count
        self.depth = depth
    }

    mutating func nextFieldNumber() -> Int? {
        guard fields.count < count, number < Self.limit else { return nil }
        number += 1
        return number
    }

    private mutating func note(_ type: String, _ values: [ValueRecord]? = nil) {
        fields.append((number, type, values))
    }

    private mutating func note<Value: SwiftProtobuf.Message>(_ type: Value.Type, prefix: String) {
        let record = ValueRecord.describe(type, depth: depth + 1)
        note(prefix + record.type, prefix.isEmpty ? record.values : nil)
    }

    mutating func handleConflictingOneOf() {}

    mutating func decodeSingularEnumField<E: Enum>(value: inout E) { note("\(E.self)") }
    mutating func decodeSingularEnumField<E: Enum>(value: inout E?) { note("\(E.self)") }
    mutating func decodeRepeatedEnumField<E: Enum>(value: inout [E]) { note("[]\(E.self)") }

    mutating func decodeSingularMessageField<M: SwiftProtobuf.Message>(value: inout M?) {
        note(M.self, prefix: "")
    }
    mutating func decodeRepeatedMessageField<M: SwiftProtobuf.Message>(value: inout [M]) {
        note(M.self, prefix: "[]")
    }
    mutating func decodeSingularGroupField<G: SwiftProtobuf.Message>(value: inout G?) {
        note(G.self, prefix: "")
    }
    mutating func decodeRepeatedGroupField<G: SwiftProtobuf.Message>(value: inout [G]) {
        note(G.self, prefix: "[]")
    }

    mutating func decodeMapField<KeyType, ValueType: MapValueType>(
        fieldType: _ProtobufMap<KeyType, ValueType>.Type,
        value: inout _ProtobufMap<KeyType, ValueType>.BaseType
    ) {
        note("map[\(goName(KeyType.BaseType.self))]\(goName(ValueType.BaseType.self))")
    }
    mutating func decodeMapField<KeyType, ValueType>(
        fieldType: _ProtobufEnumMap<KeyType, ValueType>.Type,
        value: inout _ProtobufEnumMap<KeyType, ValueType>.BaseType
    ) where ValueType.RawValue == Int {
        note("map[\(goName(KeyType.BaseType.self))]\(ValueType.self)")
    }
    mutating func decodeMapField<KeyType, ValueType>(
        fieldType: _ProtobufMessageMap<KeyType, ValueType>.Type,
        value: inout _ProtobufMessageMap<KeyType, ValueType>.BaseType
    ) {
        note("map[\(goName(KeyType.BaseType.self))]\(ValueRecord.typeName(ValueType.self))")
    }

    mutating func decodeExtensionField(
        values: inout ExtensionFieldValueSet, messageType: any SwiftProtobuf.Message.Type, fieldNumber: Int
    ) {}

    private func goName(_ type: Any.Type) -> String {
        switch type {
        case is String.Type: "string"
        case is Bool.Type: "bool"
        case is Data.Type: "[]uint8"
        case is Float.Type: "float32"
        case is Double.Type: "float64"
        default: "\(type)".lowercased()
        }
    }
}

// Each function of the protocol for a type of field, once for values, optionals and lists.
extension FieldRecorder {
    mutating func decodeSingularFloatField(value: inout Float) { note("float32") }
    mutating func decodeSingularFloatField(value: inout Float?) { note("float32") }
    mutating func decodeRepeatedFloatField(value: inout [Float]) { note("[]float32") }
    mutating func decodeSingularDoubleField(value: inout Double) { note("float64") }
    mutating func decodeSingularDoubleField(value: inout Double?) { note("float64") }
    mutating func decodeRepeatedDoubleField(value: inout [Double]) { note("[]float64") }
    mutating func decodeSingularInt32Field(value: inout Int32) { note("int32") }
    mutating func decodeSingularInt32Field(value: inout Int32?) { note("int32") }
    mutating func decodeRepeatedInt32Field(value: inout [Int32]) { note("[]int32") }
    mutating func decodeSingularInt64Field(value: inout Int64) { note("int64") }
    mutating func decodeSingularInt64Field(value: inout Int64?) { note("int64") }
    mutating func decodeRepeatedInt64Field(value: inout [Int64]) { note("[]int64") }
    mutating func decodeSingularUInt32Field(value: inout UInt32) { note("uint32") }
    mutating func decodeSingularUInt32Field(value: inout UInt32?) { note("uint32") }
    mutating func decodeRepeatedUInt32Field(value: inout [UInt32]) { note("[]uint32") }
    mutating func decodeSingularUInt64Field(value: inout UInt64) { note("uint64") }
    mutating func decodeSingularUInt64Field(value: inout UInt64?) { note("uint64") }
    mutating func decodeRepeatedUInt64Field(value: inout [UInt64]) { note("[]uint64") }
    mutating func decodeSingularSInt32Field(value: inout Int32) { note("int32") }
    mutating func decodeSingularSInt32Field(value: inout Int32?) { note("int32") }
    mutating func decodeRepeatedSInt32Field(value: inout [Int32]) { note("[]int32") }
    mutating func decodeSingularSInt64Field(value: inout Int64) { note("int64") }
    mutating func decodeSingularSInt64Field(value: inout Int64?) { note("int64") }
    mutating func decodeRepeatedSInt64Field(value: inout [Int64]) { note("[]int64") }
    mutating func decodeSingularFixed32Field(value: inout UInt32) { note("uint32") }
    mutating func decodeSingularFixed32Field(value: inout UInt32?) { note("uint32") }
    mutating func decodeRepeatedFixed32Field(value: inout [UInt32]) { note("[]uint32") }
    mutating func decodeSingularFixed64Field(value: inout UInt64) { note("uint64") }
    mutating func decodeSingularFixed64Field(value: inout UInt64?) { note("uint64") }
    mutating func decodeRepeatedFixed64Field(value: inout [UInt64]) { note("[]uint64") }
    mutating func decodeSingularSFixed32Field(value: inout Int32) { note("int32") }
    mutating func decodeSingularSFixed32Field(value: inout Int32?) { note("int32") }
    mutating func decodeRepeatedSFixed32Field(value: inout [Int32]) { note("[]int32") }
    mutating func decodeSingularSFixed64Field(value: inout Int64) { note("int64") }
    mutating func decodeSingularSFixed64Field(value: inout Int64?) { note("int64") }
    mutating func decodeRepeatedSFixed64Field(value: inout [Int64]) { note("[]int64") }
    mutating func decodeSingularBoolField(value: inout Bool) { note("bool") }
    mutating func decodeSingularBoolField(value: inout Bool?) { note("bool") }
    mutating func decodeRepeatedBoolField(value: inout [Bool]) { note("[]bool") }
    mutating func decodeSingularStringField(value: inout String) { note("string") }
    mutating func decodeSingularStringField(value: inout String?) { note("string") }
    mutating func decodeRepeatedStringField(value: inout [String]) { note("[]string") }
    mutating func decodeSingularBytesField(value: inout Data) { note("[]uint8") }
    mutating func decodeSingularBytesField(value: inout Data?) { note("[]uint8") }
    mutating func decodeRepeatedBytesField(value: inout [Data]) { note("[][]uint8") }
}
