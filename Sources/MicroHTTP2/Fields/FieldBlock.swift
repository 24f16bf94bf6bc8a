import CNghttp2

/// The fields of a header block: one that is to be sent, or one that has come.
///
/// nghttp2 copies what it is given, except for the blocks made by ``permanent()``, which live as
/// long as the process and so cost nothing to send.
package struct FieldBlock: Sendable {
    private var bytes: [UInt8] = []
    private var fields: [(name: Range<Int>, value: Range<Int>)] = []

    /// Creates a block without fields.
    package init() {}

    /// Appends a field.
    package mutating func add(_ name: StaticString, _ value: String) { append(name, value.utf8) }

    /// Appends a field.
    package mutating func add(_ name: StaticString, _ value: [UInt8]) { append(name, value) }

    private mutating func append(_ name: StaticString, _ value: some Collection<UInt8>) {
        let start = bytes.count
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        let middle = bytes.count
        bytes.append(contentsOf: value)
        fields.append((start..<middle, middle..<bytes.count))
    }

    /// Appends a field.
    package mutating func add(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>) {
        let start = bytes.count
        bytes.append(contentsOf: name)
        let middle = bytes.count
        bytes.append(contentsOf: value)
        fields.append((start..<middle, middle..<bytes.count))
    }

    /// Appends a field as it has come.
    package mutating func add(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        let start = bytes.count
        bytes.append(contentsOf: name)
        let middle = bytes.count
        bytes.append(contentsOf: value)
        fields.append((start..<middle, middle..<bytes.count))
    }

    /// Appends all fields of another block.
    package mutating func add(_ other: FieldBlock) {
        let start = bytes.count
        bytes.append(contentsOf: other.bytes)
        for (name, value) in other.fields {
            fields.append(
                (
                    start + name.lowerBound..<start + name.upperBound,
                    start + value.lowerBound..<start + value.upperBound
                ))
        }
    }

    /// The first value of a name in lower case, as text.
    package subscript(name: String) -> String? {
        fields.first { bytes[$0.name].elementsEqual(name.utf8) }.map {
            String(decoding: bytes[$0.value], as: UTF8.self)
        }
    }

    /// The size of the block as RFC 9113, section 6.5.2, counts it.
    package var listSize: Int { bytes.count + fields.count * Self.fieldOverhead }

    /// What RFC 9113 counts for a field besides its name and value.
    package static var fieldOverhead: Int { 32 }

    /// Calls a closure with the fields as nghttp2 takes them.
    func withNV<Result>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result) -> Result {
        bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return body(nil, 0) }
            // nghttp2 declares the pointers mutable and doesn't write to them; it copies the bytes
            // before the call returns, since no NO_COPY flag is set.
            let start = UnsafeMutablePointer(mutating: base)
            let vectors = fields.map { field in
                nghttp2_nv(
                    name: start + field.name.lowerBound, value: start + field.value.lowerBound,
                    namelen: field.name.count, valuelen: field.value.count,
                    flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
            }
            return vectors.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
        }
    }

    /// Makes a block of the same fields that lives as long as the process.
    package func permanent() -> PermanentFieldBlock { PermanentFieldBlock(bytes, fields) }
}

/// A header block that lives as long as the process, so nghttp2 need not copy it.
///
/// Sendable because the memory is written only in the initialiser, before the value exists, and is neither written nor
/// freed afterwards.
package struct PermanentFieldBlock: @unchecked Sendable {
    let vectors: UnsafePointer<nghttp2_nv>
    let count: Int

    fileprivate init(_ bytes: [UInt8], _ fields: [(name: Range<Int>, value: Range<Int>)]) {
        let storage = UnsafeMutablePointer<UInt8>.allocate(capacity: max(bytes.count, 1))
        storage.initialize(from: bytes, count: bytes.count)
        let vectors = UnsafeMutablePointer<nghttp2_nv>.allocate(capacity: max(fields.count, 1))
        let flags = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
        for (position, field) in fields.enumerated() {
            (vectors + position).initialize(
                to: nghttp2_nv(
                    name: storage + field.name.lowerBound, value: storage + field.value.lowerBound,
                    namelen: field.name.count, valuelen: field.value.count, flags: flags))
        }
        self.vectors = UnsafePointer(vectors)
        self.count = fields.count
    }
}
