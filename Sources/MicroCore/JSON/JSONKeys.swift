/// Reads a JSON object as Go does: keys without regard to case, unknown ones ignored, missing ones
/// and nulls alike.
package struct GoObject {
    private struct Key: CodingKey {
        let stringValue: String
        let intValue: Int? = nil

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private let container: KeyedDecodingContainer<Key>

    /// Reads the object.
    ///
    /// - Parameter decoder: Where it stands.
    /// - Throws: A `DecodingError` if it isn't an object.
    package init(_ decoder: any Decoder) throws {
        container = try decoder.container(keyedBy: Key.self)
    }

    /// Returns the value of a key; the exact spelling goes before another case.
    package func value<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value? {
        let exact = Key(stringValue: name)
        if container.contains(exact) { return try container.decodeIfPresent(type, forKey: exact) }
        guard let key = container.allKeys.first(where: { $0.stringValue.caseInsensitiveEquals(name) }) else {
            return nil
        }
        return try container.decodeIfPresent(type, forKey: key)
    }
}
