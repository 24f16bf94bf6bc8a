internal import FoundationEssentials
import MicroCore
internal import SwiftProtobuf

/// A decoder that has no input: it asks a message for its fields, writes down their types, and fills in
/// values that are not the default.
struct FieldRecorder: SwiftProtobuf.Decoder {
    /// A field that was found.
    struct Field {
        let number: Int
        let type: String
        let values: [ValueRecord]?
    }

    /// The fields that were found.
    private(set) var fields: [Field] = []

    private let depth: Int
    private var numbers: ClosedRange<Int>.Iterator
    private var number = 0

    /// Creates a recorder.
    ///
    /// - Parameters:
    ///   - numbers: The numbers of the fields to ask for.
    ///   - depth: How deep the message is inside of others.
    init(numbers: ClosedRange<Int>, depth: Int) {
        self.numbers = numbers.makeIterator()
        self.depth = depth
    }

    mutating func nextFieldNumber() -> Int? {
        number = numbers.next() ?? 0
        return number == 0 ? nil : number
    }

    private mutating func note(_ type: String, _ values: [ValueRecord]? = nil) {
        fields.append(Field(number: number, type: type, values: values))
    }

    private mutating func note<Value: SwiftProtobuf.Message>(_ type: Value.Type, prefix: String) {
        let record = ValueRecord.describe(type, depth: depth + 1)
        note(prefix + record.type, prefix.isEmpty ? record.values : nil)
    }

    mutating func handleConflictingOneOf() {}

    mutating func decodeSingularEnumField<E: Enum>(value: inout E) where E.RawValue == Int {
        note("\(E.self)", EnumerationNames.of(E.self))
        value = E(rawValue: 1) ?? E()
    }
    mutating func decodeSingularEnumField<E: Enum>(value: inout E?) where E.RawValue == Int {
        note("\(E.self)", EnumerationNames.of(E.self))
        value = E(rawValue: 1) ?? E()
    }
    mutating func decodeRepeatedEnumField<E: Enum>(value: inout [E]) {
        note("[]\(E.self)")
        value = [E()]
    }

    mutating func decodeSingularMessageField<M: SwiftProtobuf.Message>(value: inout M?) {
        note(M.self, prefix: "")
        value = M()
    }
    mutating func decodeRepeatedMessageField<M: SwiftProtobuf.Message>(value: inout [M]) {
        note(M.self, prefix: "[]")
        value = [M()]
    }
    mutating func decodeSingularGroupField<G: SwiftProtobuf.Message>(value: inout G?) {
        note(G.self, prefix: "")
        value = G()
    }
    mutating func decodeRepeatedGroupField<G: SwiftProtobuf.Message>(value: inout [G]) {
        note(G.self, prefix: "[]")
        value = [G()]
    }

    mutating func decodeMapField<KeyType, ValueType: MapValueType>(
        fieldType: _ProtobufMap<KeyType, ValueType>.Type,
        value: inout _ProtobufMap<KeyType, ValueType>.BaseType
    ) {
        note("map[\(goName(KeyType.BaseType.self))]\(goName(ValueType.BaseType.self))")
        value = [KeyType.proto3DefaultValue: ValueType.proto3DefaultValue]
    }
    mutating func decodeMapField<KeyType, ValueType>(
        fieldType: _ProtobufEnumMap<KeyType, ValueType>.Type,
        value: inout _ProtobufEnumMap<KeyType, ValueType>.BaseType
    ) where ValueType.RawValue == Int {
        note("map[\(goName(KeyType.BaseType.self))]\(ValueType.self)")
        value = [KeyType.proto3DefaultValue: ValueType()]
    }
    mutating func decodeMapField<KeyType, ValueType>(
        fieldType: _ProtobufMessageMap<KeyType, ValueType>.Type,
        value: inout _ProtobufMessageMap<KeyType, ValueType>.BaseType
    ) {
        note("map[\(goName(KeyType.BaseType.self))]\(ValueRecord.typeName(ValueType.self))")
        value = [KeyType.proto3DefaultValue: ValueType()]
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
    mutating func decodeSingularFloatField(value: inout Float) {
        note("float32")
        value = 1
    }
    mutating func decodeSingularFloatField(value: inout Float?) {
        note("float32")
        value = 1
    }
    mutating func decodeRepeatedFloatField(value: inout [Float]) {
        note("[]float32")
        value = [1]
    }
    mutating func decodeSingularDoubleField(value: inout Double) {
        note("float64")
        value = 1
    }
    mutating func decodeSingularDoubleField(value: inout Double?) {
        note("float64")
        value = 1
    }
    mutating func decodeRepeatedDoubleField(value: inout [Double]) {
        note("[]float64")
        value = [1]
    }
    mutating func decodeSingularInt32Field(value: inout Int32) {
        note("int32")
        value = 1
    }
    mutating func decodeSingularInt32Field(value: inout Int32?) {
        note("int32")
        value = 1
    }
    mutating func decodeRepeatedInt32Field(value: inout [Int32]) {
        note("[]int32")
        value = [1]
    }
    mutating func decodeSingularInt64Field(value: inout Int64) {
        note("int64")
        value = 1
    }
    mutating func decodeSingularInt64Field(value: inout Int64?) {
        note("int64")
        value = 1
    }
    mutating func decodeRepeatedInt64Field(value: inout [Int64]) {
        note("[]int64")
        value = [1]
    }
    mutating func decodeSingularUInt32Field(value: inout UInt32) {
        note("uint32")
        value = 1
    }
    mutating func decodeSingularUInt32Field(value: inout UInt32?) {
        note("uint32")
        value = 1
    }
    mutating func decodeRepeatedUInt32Field(value: inout [UInt32]) {
        note("[]uint32")
        value = [1]
    }
    mutating func decodeSingularUInt64Field(value: inout UInt64) {
        note("uint64")
        value = 1
    }
    mutating func decodeSingularUInt64Field(value: inout UInt64?) {
        note("uint64")
        value = 1
    }
    mutating func decodeRepeatedUInt64Field(value: inout [UInt64]) {
        note("[]uint64")
        value = [1]
    }
    mutating func decodeSingularSInt32Field(value: inout Int32) {
        note("int32")
        value = 1
    }
    mutating func decodeSingularSInt32Field(value: inout Int32?) {
        note("int32")
        value = 1
    }
    mutating func decodeRepeatedSInt32Field(value: inout [Int32]) {
        note("[]int32")
        value = [1]
    }
    mutating func decodeSingularSInt64Field(value: inout Int64) {
        note("int64")
        value = 1
    }
    mutating func decodeSingularSInt64Field(value: inout Int64?) {
        note("int64")
        value = 1
    }
    mutating func decodeRepeatedSInt64Field(value: inout [Int64]) {
        note("[]int64")
        value = [1]
    }
    mutating func decodeSingularFixed32Field(value: inout UInt32) {
        note("uint32")
        value = 1
    }
    mutating func decodeSingularFixed32Field(value: inout UInt32?) {
        note("uint32")
        value = 1
    }
    mutating func decodeRepeatedFixed32Field(value: inout [UInt32]) {
        note("[]uint32")
        value = [1]
    }
    mutating func decodeSingularFixed64Field(value: inout UInt64) {
        note("uint64")
        value = 1
    }
    mutating func decodeSingularFixed64Field(value: inout UInt64?) {
        note("uint64")
        value = 1
    }
    mutating func decodeRepeatedFixed64Field(value: inout [UInt64]) {
        note("[]uint64")
        value = [1]
    }
    mutating func decodeSingularSFixed32Field(value: inout Int32) {
        note("int32")
        value = 1
    }
    mutating func decodeSingularSFixed32Field(value: inout Int32?) {
        note("int32")
        value = 1
    }
    mutating func decodeRepeatedSFixed32Field(value: inout [Int32]) {
        note("[]int32")
        value = [1]
    }
    mutating func decodeSingularSFixed64Field(value: inout Int64) {
        note("int64")
        value = 1
    }
    mutating func decodeSingularSFixed64Field(value: inout Int64?) {
        note("int64")
        value = 1
    }
    mutating func decodeRepeatedSFixed64Field(value: inout [Int64]) {
        note("[]int64")
        value = [1]
    }
    mutating func decodeSingularBoolField(value: inout Bool) {
        note("bool")
        value = true
    }
    mutating func decodeSingularBoolField(value: inout Bool?) {
        note("bool")
        value = true
    }
    mutating func decodeRepeatedBoolField(value: inout [Bool]) {
        note("[]bool")
        value = [true]
    }
    mutating func decodeSingularStringField(value: inout String) {
        note("string")
        value = "x"
    }
    mutating func decodeSingularStringField(value: inout String?) {
        note("string")
        value = "x"
    }
    mutating func decodeRepeatedStringField(value: inout [String]) {
        note("[]string")
        value = ["x"]
    }
    mutating func decodeSingularBytesField(value: inout Data) {
        note("[]uint8")
        value = Data([1])
    }
    mutating func decodeSingularBytesField(value: inout Data?) {
        note("[]uint8")
        value = Data([1])
    }
    mutating func decodeRepeatedBytesField(value: inout [Data]) {
        note("[][]uint8")
        value = [Data([1])]
    }
}
