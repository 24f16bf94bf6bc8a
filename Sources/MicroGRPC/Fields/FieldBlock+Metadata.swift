import MicroCore
import MicroHTTP2

extension FieldBlock {
    /// Appends a call's metadata.
    ///
    /// Fields that can't be sent are left out. The metadata of calls and of replies is refused before it comes
    /// here if it has any; that of an error is not, since the error must not be lost for one field of it.
    mutating func add(_ metadata: Metadata) {
        guard !metadata.isEmpty else { return }
        let packed = metadata.packed
        for field in PackedFields(packed) where MetadataRules.isAllowed(field, in: packed) {
            add(name: packed[field.name], value: packed[MetadataRules.trimmed(field.value, in: packed)])
        }
    }

    /// The size that metadata has in a block, at most.
    static func listSize(of metadata: Metadata) -> Int {
        guard !metadata.isEmpty else { return 0 }
        return PackedFields(metadata.packed).reduce(0) { size, field in
            size + field.name.count + field.value.count + fieldOverhead
        }
    }
}
