import MicroCore
import MicroProtobuf
import SwiftProtobuf
import Testing

/// How each type of field that Protobuf has is described in a registry: by the name that it has in Go.
@Suite(.timeLimit(.minutes(2))) struct FieldTypeTests {
    /// The types of Protobuf that aren't messages or enumerations, and Go's names of them.
    private static let names = [
        ("double", "float64"), ("float", "float32"), ("int32", "int32"), ("int64", "int64"),
        ("uint32", "uint32"), ("uint64", "uint64"), ("sint32", "int32"), ("sint64", "int64"),
        ("fixed32", "uint32"), ("fixed64", "uint64"), ("sfixed32", "int32"), ("sfixed64", "int64"),
        ("bool", "bool"), ("string", "string"), ("bytes", "[]uint8"),
    ]

    private func fields(of type: any SwiftProtobuf.Message.Type) throws -> [String: ValueRecord] {
        let values = try #require(ValueRecord(describingMessage: type).values)
        return Dictionary(values.map { ($0.name, $0) }) { first, _ in first }
    }

    @Test func valuesThatAreAlwaysThere() throws {
        let fields = try fields(of: Micro_Test_PlainFields.self)
        #expect(fields.count == 17)
        for (name, type) in Self.names { #expect(fields["\(name)_value"]?.type == type) }
        let colour = try #require(fields["colour_value"])
        #expect(colour.type.hasSuffix("Colour"))
        #expect(colour.values?.map(\.name) == ["COLOUR_UNKNOWN", "COLOUR_RED"])
        let inner = try #require(fields["inner_value"])
        #expect(inner.type == "Inner")
        #expect(inner.values == [ValueRecord(name: "text", type: "string")])
    }

    @Test func valuesThatMayBeAbsentAndGroups() throws {
        let fields = try fields(of: Micro_Test_OptionalFields.self)
        #expect(fields.count == 18)
        for (name, type) in Self.names { #expect(fields["\(name)_value"]?.type == type) }
        let size = try #require(fields["size_value"])
        #expect(size.type.hasSuffix("Size"))
        #expect(size.values?.map(\.name) == ["SIZE_SMALL", "SIZE_LARGE"])
        let single = try #require(fields["Single"])
        #expect(single.type == "Single")
        #expect(single.values == [ValueRecord(name: "text", type: "string")])
        #expect(fields["Several"]?.type == "[]Several")
    }

    @Test func lists() throws {
        let fields = try fields(of: Micro_Test_RepeatedFields.self)
        #expect(fields.count == 17)
        for (name, type) in Self.names { #expect(fields["\(name)_value"]?.type == "[]\(type)") }
        let colour = try #require(fields["colour_value"])
        #expect(colour.type.hasPrefix("[]") && colour.type.hasSuffix("Colour"))
        #expect(fields["inner_value"]?.type == "[]Inner")
    }

    @Test func maps() throws {
        let fields = try fields(of: Micro_Test_MapFields.self)
        #expect(fields.count == 17)
        for (name, type) in Self.names where !["double", "float", "bytes"].contains(name) {
            #expect(fields["by_\(name)"]?.type == "map[\(type)]string")
        }
        #expect(fields["of_double"]?.type == "map[string]float64")
        #expect(fields["of_float"]?.type == "map[string]float32")
        #expect(fields["of_bytes"]?.type == "map[string][]uint8")
        #expect(fields["of_inner"]?.type == "map[string]Inner")
        let colour = try #require(fields["of_colour"])
        #expect(colour.type.hasPrefix("map[string]") && colour.type.hasSuffix("Colour"))
    }
}
