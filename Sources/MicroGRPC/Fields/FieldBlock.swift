import CNghttp2
import MicroCore

/// The fields of a header block that is to be sent.
///
/// nghttp2 copies what it is given, except for the blocks made by ``permanent(_:)``, which live as
/// long as the process and so cost nothing to send.
struct FieldBlock {
    private var bytes: [UInt8] = []
    private var fields: [(name: Range<Int>, value: Range<Int>)] = []

    /// Appends a field.
    mutating func add(_ name: StaticString, _ value: some Collection<UInt8>) {
        let start = bytes.count
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        let middle = bytes.count
        bytes.append(contentsOf: value)
        fields.append((start..<middle, middle..<bytes.count))
    }

    /// Appends a field.
    mutating func add(_ name: StaticString, _ value: String) { add(name, value.utf8) }

    /// Appends a call's metadata.
    ///
    /// Fields that can't be sent are left out. The metadata of calls and of replies is refused before it comes
    /// here if it has any; that of an error is not, since the error must not be lost for one field of it.
    mutating func add(_ metadata: Metadata) {
        guard !metadata.isEmpty else { return }
        let packed = metadata.packed
        for field in PackedFields(packed) where MetadataRules.isAllowed(field, in: packed) {
            let start = bytes.count
            bytes.append(contentsOf: packed[field.name])
            let middle = bytes.count
            bytes.append(contentsOf: packed[MetadataRules.trimmed(field.value, in: packed)])
            fields.append((start..<middle, middle..<bytes.count))
        }
    }

    /// Appends all fields of another block.
    mutating func add(_ other: FieldBlock) {
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

    /// The size of the block as RFC 9113, section 6.5.2, counts it.
    var listSize: Int { bytes.count + fields.count * Self.fieldOverhead }

    /// The size that metadata has in a block, at most.
    static func listSize(of metadata: Metadata) -> Int {
        guard !metadata.isEmpty else { return 0 }
        return PackedFields(metadata.packed).reduce(0) { size, field in
            size + field.name.count + field.value.count + fieldOverhead
        }
    }

    /// What RFC 9113 counts for a field besides its name and value.
    private static let fieldOverhead = 32

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

    /// Makes a block that lives as long as the process.
    static func permanent(_ block: FieldBlock) -> PermanentFieldBlock { PermanentFieldBlock(block) }

    fileprivate var contents: (bytes: [UInt8], fields: [(name: Range<Int>, value: Range<Int>)]) {
        (bytes, fields)
    }
}

/// A header block that lives as long as the process, so nghttp2 need not copy it.
struct PermanentFieldBlock: @unchecked Sendable {
    // Sendable because the memory is written only here, before the value exists, and is neither
    // written nor freed afterwards.
    let vectors: UnsafePointer<nghttp2_nv>
    let count: Int

    fileprivate init(_ block: FieldBlock) {
        let (bytes, fields) = block.contents
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
