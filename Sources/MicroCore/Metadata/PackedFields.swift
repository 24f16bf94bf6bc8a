/// The positions of the fields in a packed metadata buffer.
package struct PackedFields: Sequence, IteratorProtocol {
    /// The number of bytes in front of a field's name.
    package static let prefix = 6

    /// Where one field's name and value lie.
    package struct Field {
        package var name: Range<Int>
        package var value: Range<Int>

        /// Returns whether the field has a name, without regard to case.
        func hasName(_ wanted: String, in packed: [UInt8]) -> Bool {
            name.count == wanted.utf8.count
                && zip(packed[name], wanted.utf8).allSatisfy { $0 == $1.lowercasedASCII }
        }

        /// Returns the field's name and value as strings.
        func element(in packed: [UInt8]) -> Metadata.Element {
            (String(decoding: packed[name], as: UTF8.self), String(decoding: packed[value], as: UTF8.self))
        }
    }

    private let packed: [UInt8]
    private var offset = 0

    /// Creates the sequence of the fields of a buffer.
    package init(_ packed: [UInt8]) { self.packed = packed }

    /// Returns the next field, or `nil` behind the last one.
    package mutating func next() -> Field? {
        guard packed.count - offset >= Self.prefix else { return nil }
        let nameCount = Int(packed[offset]) | Int(packed[offset + 1]) << 8
        let valueCount =
            Int(packed[offset + 2]) | Int(packed[offset + 3]) << 8
            | Int(packed[offset + 4]) << 16 | Int(packed[offset + 5]) << 24
        let name = offset + Self.prefix
        let value = name + nameCount
        guard value + valueCount <= packed.count else { return nil }
        offset = value + valueCount
        return Field(name: name..<value, value: value..<offset)
    }
}
