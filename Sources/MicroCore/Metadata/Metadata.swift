/// The names and values that travel beside a call's messages.
///
/// Fields keep their order, a name may occur more than once, and names are compared without regard
/// to case. A value is text, or bytes where the name ends in `-bin`.
///
/// ```swift
/// var metadata: Metadata = ["x-request-id": "42"]
/// metadata.add([0xCA, 0xFE], for: "signature-bin")
/// metadata["X-Request-Id"]  // "42"
/// ```
///
/// Metadata that came over the wire is decoded only where it is read: the fields lie in one buffer
/// and strings are made by the accessors. An empty value costs no allocation.
public struct Metadata: Sendable {
    /// The fields one behind the other: name length (2 bytes), value length (4 bytes), both
    /// little-endian, the lower-case name, the value as it stands on the wire.
    package private(set) var packed: [UInt8]

    /// Creates metadata without fields.
    public init() { packed = [] }

    /// Creates metadata from fields in packed form.
    ///
    /// - Parameter packed: What ``appendPacked(name:value:to:)`` wrote, and nothing else.
    package init(packed: [UInt8]) { self.packed = packed }

    /// Whether there is no field.
    public var isEmpty: Bool { packed.isEmpty }

    /// The first value of a name; setting it replaces all, and setting `nil` removes them.
    ///
    /// - Parameter name: A field's name, in any case.
    public subscript(name: String) -> String? {
        get {
            for field in PackedFields(packed) where field.hasName(name, in: packed) {
                return String(decoding: packed[field.value], as: UTF8.self)
            }
            return nil
        }
        set {
            remove(name)
            if let newValue { add(newValue, for: name) }
        }
    }

    /// Returns all values of a name, in their order.
    ///
    /// - Parameter name: A field's name, in any case.
    /// - Returns: The values; empty if there are none.
    public func values(for name: String) -> [String] {
        PackedFields(packed).filter { $0.hasName(name, in: packed) }
            .map { String(decoding: packed[$0.value], as: UTF8.self) }
    }

    /// Returns the first binary value of a name that ends in `-bin`.
    ///
    /// - Parameter name: A field's name, in any case.
    /// - Returns: The bytes, or `nil` if there is no such field or its text isn't Base64.
    public func bytes(for name: String) -> [UInt8]? {
        for field in PackedFields(packed) where field.hasName(name, in: packed) {
            // Values of one name may arrive joined by commas, which Base64 doesn't use
            // (gRPC over HTTP/2, "Custom-Metadata").
            let first = packed[field.value].prefix { $0 != UInt8(ascii: ",") }
            return Base64.decode(first)
        }
        return nil
    }

    /// Returns all binary values of a name that ends in `-bin`, in their order.
    ///
    /// - Parameter name: A field's name, in any case.
    /// - Returns: The values whose text is Base64.
    public func allBytes(for name: String) -> [[UInt8]] {
        PackedFields(packed).filter { $0.hasName(name, in: packed) }
            .flatMap { field in
                packed[field.value].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            }
            .compactMap { Base64.decode($0) }
    }

    /// Adds a text value behind those that are there.
    ///
    /// - Parameters:
    ///   - value: The value. On the wire only printable ASCII is allowed; a transport refuses a
    ///     call whose metadata has anything else.
    ///   - name: The field's name, which is stored in lower case.
    public mutating func add(_ value: String, for name: String) {
        Self.appendPacked(name: name.lowercased().utf8, value: value.utf8, to: &packed)
    }

    /// Adds a binary value behind those that are there.
    ///
    /// - Parameters:
    ///   - bytes: The value, which travels as Base64 without padding.
    ///   - name: The field's name; `-bin` is put behind it where it is missing.
    public mutating func add(_ bytes: [UInt8], for name: String) {
        let name = name.lowercased()
        let binaryName = name.hasSuffix("-bin") ? name : name + "-bin"
        Self.appendPacked(name: binaryName.utf8, value: Base64.encode(bytes, padding: false), to: &packed)
    }

    /// Adds all fields of other metadata behind those that are there.
    ///
    /// - Parameter other: The fields to add.
    public mutating func add(contentsOf other: Metadata) {
        packed.append(contentsOf: other.packed)
    }

    /// Removes all values of a name.
    ///
    /// - Parameter name: A field's name, in any case.
    public mutating func remove(_ name: String) {
        removeAll { $0.name.caseInsensitiveEquals(name) }
    }

    /// Removes the fields that match a condition.
    ///
    /// - Parameter isUnwanted: A closure that tells whether a field goes.
    public mutating func removeAll(where isUnwanted: (Element) -> Bool) {
        let old = self
        guard old.contains(where: isUnwanted) else { return }
        packed = []
        for field in PackedFields(old.packed) where !isUnwanted(field.element(in: old.packed)) {
            Self.appendPacked(name: old.packed[field.name], value: old.packed[field.value], to: &packed)
        }
    }

    /// Appends one field in packed form.
    ///
    /// - Parameters:
    ///   - name: The name, in lower case.
    ///   - value: The value as it stands on the wire.
    ///   - packed: The buffer to append to.
    package static func appendPacked(
        name: some Collection<UInt8>, value: some Collection<UInt8>, to packed: inout [UInt8]
    ) {
        // A name of more than 64 KiB could not travel; it is cut here rather than refused, since no
        // transport would send it.
        let nameCount = UInt16(clamping: name.count)
        let valueCount = UInt32(clamping: value.count)
        appendLengths(name: nameCount, value: valueCount, to: &packed)
        packed.append(contentsOf: name.prefix(Int(nameCount)))
        packed.append(contentsOf: value.prefix(Int(valueCount)))
    }

    /// Appends one field in packed form, as a transport reads it: without a generic detour.
    ///
    /// - Parameters:
    ///   - name: The name, in lower case, of at most 64 KiB.
    ///   - value: The value as it stands on the wire.
    ///   - packed: The buffer to append to.
    package static func appendPacked(
        name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, to packed: inout [UInt8]
    ) {
        let nameCount = UInt16(clamping: name.count)
        let valueCount = UInt32(clamping: value.count)
        guard Int(nameCount) == name.count, Int(valueCount) == value.count else { return }
        appendLengths(name: nameCount, value: valueCount, to: &packed)
        packed.append(contentsOf: name)
        packed.append(contentsOf: value)
    }

    /// Appends what stands in front of a field's name; inlined, since it is on the hot path.
    @inline(__always)
    private static func appendLengths(name: UInt16, value: UInt32, to packed: inout [UInt8]) {
        packed.append(UInt8(truncatingIfNeeded: name))
        packed.append(UInt8(truncatingIfNeeded: name >> 8))
        packed.append(UInt8(truncatingIfNeeded: value))
        packed.append(UInt8(truncatingIfNeeded: value >> 8))
        packed.append(UInt8(truncatingIfNeeded: value >> 16))
        packed.append(UInt8(truncatingIfNeeded: value >> 24))
    }
}

extension Metadata: Sequence {
    /// One field: the name in lower case and the value as it stands on the wire.
    public typealias Element = (name: String, value: String)

    /// Returns an iterator over the fields, in their order.
    public func makeIterator() -> AnyIterator<Element> {
        var fields = PackedFields(packed).makeIterator()
        return AnyIterator { fields.next()?.element(in: packed) }
    }
}

extension Metadata: ExpressibleByDictionaryLiteral {
    /// Creates metadata with the fields of a literal, in their order.
    public init(dictionaryLiteral elements: (String, String)...) {
        self.init()
        for (name, value) in elements { add(value, for: name) }
    }
}

extension Metadata: Hashable {}

extension Metadata: CustomStringConvertible {
    /// The names, without the values: those may be secrets.
    public var description: String { "[" + map(\.name).joined(separator: ", ") + "]" }
}

extension String {
    /// Returns whether two ASCII names are the same but for case.
    package func caseInsensitiveEquals(_ other: String) -> Bool {
        utf8.count == other.utf8.count
            && zip(utf8, other.utf8).allSatisfy { $0.lowercasedASCII == $1.lowercasedASCII }
    }
}

extension UInt8 {
    /// The byte itself, or the lower-case letter of an upper-case one.
    package var lowercasedASCII: UInt8 { self >= 0x41 && self <= 0x5A ? self | 0x20 : self }
}
