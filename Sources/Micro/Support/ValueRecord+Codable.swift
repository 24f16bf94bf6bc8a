internal import FoundationEssentials
public import MicroCore

extension ValueRecord {
    /// How many levels of fields are described, as in go-micro.
    private static let depthLimit = 3

    /// Describes a type as a registry tells of it: its fields with the names of their types in Go.
    ///
    /// No value is needed: the type is asked what it would read from a decoder. What can't be learned
    /// that way, such as the fields behind one that refuses made-up values, is left out.
    ///
    /// - Parameter type: The type.
    public init(describing type: any Decodable.Type) {
        self = Self.describe(type, name: "\(type)", depth: 0)
    }

    static func describe(_ type: any Decodable.Type, name: String, depth: Int) -> ValueRecord {
        if let known = GoTypeName.of(type) { return ValueRecord(name: name, type: known) }
        guard depth < depthLimit else { return ValueRecord(name: name, type: "\(type)") }
        let recorder = ValueRecorder(depth: depth)
        _ = try? type.init(from: recorder)
        let values = recorder.record.values
        return ValueRecord(
            name: name, type: recorder.record.singleType ?? "\(type)", values: values.isEmpty ? nil : values)
    }
}

/// The names of simple types in Go.
enum GoTypeName {
    private static let names: [ObjectIdentifier: String] = [
        ObjectIdentifier(String.self): "string", ObjectIdentifier(Bool.self): "bool",
        ObjectIdentifier(Int.self): "int64", ObjectIdentifier(Int8.self): "int8",
        ObjectIdentifier(Int16.self): "int16", ObjectIdentifier(Int32.self): "int32",
        ObjectIdentifier(Int64.self): "int64", ObjectIdentifier(UInt.self): "uint64",
        ObjectIdentifier(UInt8.self): "uint8", ObjectIdentifier(UInt16.self): "uint16",
        ObjectIdentifier(UInt32.self): "uint32", ObjectIdentifier(UInt64.self): "uint64",
        ObjectIdentifier(Float.self): "float32", ObjectIdentifier(Double.self): "float64",
        ObjectIdentifier(Data.self): "[]uint8", ObjectIdentifier(Date.self): "Time",
        ObjectIdentifier(UUID.self): "string",
    ]

    /// Returns the name of a type without fields of its own, or `nil`.
    static func of(_ type: any Any.Type) -> String? {
        if let name = names[ObjectIdentifier(type)] { return name }
        if let list = type as? any ListType.Type { return "[]" + element(list.elementType) }
        if let map = type as? any MapType.Type { return "map[string]" + element(map.valueType) }
        if let optional = type as? any OptionalType.Type { return of(optional.wrappedType) }
        return nil
    }

    private static func element(_ type: any Any.Type) -> String { of(type) ?? "\(type)" }
}

private protocol ListType { static var elementType: any Any.Type { get } }
private protocol MapType { static var valueType: any Any.Type { get } }
private protocol OptionalType { static var wrappedType: any Any.Type { get } }

extension Array: ListType { fileprivate static var elementType: any Any.Type { Element.self } }
extension Set: ListType { fileprivate static var elementType: any Any.Type { Element.self } }
extension Dictionary: MapType { fileprivate static var valueType: any Any.Type { Value.self } }
extension Optional: OptionalType { fileprivate static var wrappedType: any Any.Type { Wrapped.self } }
