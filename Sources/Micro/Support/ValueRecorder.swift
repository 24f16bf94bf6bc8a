internal import FoundationEssentials
import MicroCore

/// A decoder that has no input: it writes down what a type asks for, and answers with made-up values.
struct ValueRecorder: Decoder {
    final class Record {
        var values: [ValueRecord] = []

        /// The type of a value that is no structure, such as an enumeration of strings.
        var singleType: String?
    }

    let depth: Int
    let record = Record()
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(KeyedRecorder<Key>(depth: depth, record: record))
    }

    func unkeyedContainer() -> any UnkeyedDecodingContainer { EmptyList() }

    func singleValueContainer() -> any SingleValueDecodingContainer {
        SingleRecorder(depth: depth, record: record)
    }

    /// Makes a value of a type up, deeper than what is described.
    static func make<Value: Decodable>(_ type: Value.Type, depth: Int) throws -> Value {
        let simple: Any? =
            switch type {
            case is Date.Type: Date(timeIntervalSince1970: 0)
            case is UUID.Type: UUID()
            case is Data.Type: Data()
            case let cases as any CaseIterable.Type: first(cases)
            default: nil
            }
        if let value = simple as? Value { return value }
        // A type can only contain itself behind an optional or a list, which are answered as empty; the
        // bound is for types that do otherwise.
        guard depth < 16 else { throw NothingToRead() }
        return try Value(from: ValueRecorder(depth: depth + 1))
    }

    private static func first<Cases: CaseIterable>(_ type: Cases.Type) -> Any? { type.allCases.first }
}

/// Why a made-up value can't be had.
private struct NothingToRead: Error {}

private struct KeyedRecorder<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let depth: Int
    let record: ValueRecorder.Record
    let codingPath: [any CodingKey] = []
    let allKeys: [Key] = []

    func contains(_ key: Key) -> Bool { true }

    func decodeNil(forKey key: Key) -> Bool { false }

    private func note(_ type: any Decodable.Type, _ key: Key) {
        let isKnown = record.values.contains { $0.name == key.stringValue }
        guard !isKnown, record.values.count < 200 else { return }
        record.values.append(ValueRecord.describe(type, name: key.stringValue, depth: depth + 1))
    }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        note(type, key)
        return try ValueRecorder.make(type, depth: depth)
    }

    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        note(type, key)
        return nil
    }

    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { absent(type, key) }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { absent(type, key) }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { absent(type, key) }
    func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? { absent(type, key) }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { absent(type, key) }
    func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? { absent(type, key) }
    func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? { absent(type, key) }
    func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? { absent(type, key) }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { absent(type, key) }
    func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? { absent(type, key) }
    func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? { absent(type, key) }
    func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? { absent(type, key) }
    func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? { absent(type, key) }
    func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? { absent(type, key) }

    private func absent<Value: Decodable>(_ type: Value.Type, _ key: Key) -> Value? {
        note(type, key)
        return nil
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> {
        KeyedDecodingContainer(KeyedRecorder<NestedKey>(depth: depth + 1, record: .init()))
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { EmptyList() }

    func superDecoder() throws -> any Decoder { ValueRecorder(depth: depth + 1) }

    func superDecoder(forKey key: Key) throws -> any Decoder { ValueRecorder(depth: depth + 1) }
}

extension KeyedRecorder {
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { made(false, key) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { made("", key) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { made(0, key) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { made(0, key) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { made(0, key) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { made(0, key) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { made(0, key) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { made(0, key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { made(0, key) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { made(0, key) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { made(0, key) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { made(0, key) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { made(0, key) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { made(0, key) }

    private func made<Value: Decodable>(_ value: Value, _ key: Key) -> Value {
        note(Value.self, key)
        return value
    }
}

private struct SingleRecorder: SingleValueDecodingContainer {
    let depth: Int
    let record: ValueRecorder.Record
    let codingPath: [any CodingKey] = []

    func decodeNil() -> Bool { false }
    func decode(_ type: Bool.Type) -> Bool { made(false) }
    func decode(_ type: String.Type) -> String { made("") }
    func decode(_ type: Double.Type) -> Double { made(0) }
    func decode(_ type: Float.Type) -> Float { made(0) }
    func decode(_ type: Int.Type) -> Int { made(0) }
    func decode(_ type: Int8.Type) -> Int8 { made(0) }
    func decode(_ type: Int16.Type) -> Int16 { made(0) }
    func decode(_ type: Int32.Type) -> Int32 { made(0) }
    func decode(_ type: Int64.Type) -> Int64 { made(0) }
    func decode(_ type: UInt.Type) -> UInt { made(0) }
    func decode(_ type: UInt8.Type) -> UInt8 { made(0) }
    func decode(_ type: UInt16.Type) -> UInt16 { made(0) }
    func decode(_ type: UInt32.Type) -> UInt32 { made(0) }
    func decode(_ type: UInt64.Type) -> UInt64 { made(0) }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let described = ValueRecord.describe(type, name: "", depth: depth)
        record.singleType = described.type
        record.values = described.values ?? []
        return try ValueRecorder.make(type, depth: depth)
    }

    private func made<Value: Decodable>(_ value: Value) -> Value {
        record.singleType = GoTypeName.of(Value.self)
        return value
    }
}

/// A list without elements.
private struct EmptyList: UnkeyedDecodingContainer {
    let codingPath: [any CodingKey] = []
    let count: Int? = 0
    let isAtEnd = true
    let currentIndex = 0

    func decodeNil() throws -> Bool { true }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { throw NothingToRead() }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type
    ) throws -> KeyedDecodingContainer<NestedKey> { throw NothingToRead() }

    func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw NothingToRead() }

    func superDecoder() throws -> any Decoder { throw NothingToRead() }
}
