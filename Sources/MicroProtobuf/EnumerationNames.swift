import MicroCore
internal import SwiftProtobuf

/// The names of a Protobuf enumeration, for those who write requests by hand.
enum EnumerationNames {
    /// How many names a registry is given; an enumeration with more is not described.
    private static let limit = 32

    /// Returns the names as its definition has them, or `nil` if they can't be found out or are too many.
    static func of<Value: Enum>(_ type: Value.Type) -> [ValueRecord]? where Value.RawValue == Int {
        guard let type = type as? any CaseIterable.Type else { return nil }
        let cases = allCases(type).compactMap { $0 as? Value }
        guard !cases.isEmpty, cases.count <= limit else { return nil }
        var seen: Set<String> = []
        let names = Carrier(values: cases).textFormatString().split(separator: "\n").compactMap { line in
            line.split(separator: ": ").last.map(String.init)
        }
        return names.filter { seen.insert($0).inserted }
            .map { ValueRecord(name: $0, type: ValueRecord.enumerationName) }
    }

    private static func allCases<Cases: CaseIterable>(_ type: Cases.Type) -> [Any] { Array(type.allCases) }
}

/// A message of values: the library keeps the names of an enumeration for itself, but it writes them into the
/// text form of a message.
private struct Carrier<Value: Enum>: SwiftProtobuf.Message where Value.RawValue == Int {
    static var protoMessageName: String { "Carrier" }

    var values: [Value] = []
    var unknownFields = UnknownStorage()

    init() {}

    init(values: [Value]) { self.values = values }

    mutating func decodeMessage<D: SwiftProtobuf.Decoder>(decoder: inout D) throws {
        while try decoder.nextFieldNumber() == 1 {
            try decoder.decodeRepeatedEnumField(value: &values)
        }
    }

    func traverse<V: Visitor>(visitor: inout V) throws {
        try visitor.visitRepeatedEnumField(value: values, fieldNumber: 1)
    }

    func isEqualTo(message: any SwiftProtobuf.Message) -> Bool { (message as? Self)?.values == values }
}
