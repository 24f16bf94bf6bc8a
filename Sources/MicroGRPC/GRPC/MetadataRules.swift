import MicroCore

/// What gRPC allows in metadata: names of lower-case letters, digits, `_`, `-` and `.`, and values of printable
/// ASCII (gRPC over HTTP/2, "Custom-Metadata").
enum MetadataRules {
    /// Returns the error of a call whose metadata can't be sent, or `nil` if all can.
    static func violation(in metadata: Metadata) -> MicroError? {
        guard !metadata.isEmpty else { return nil }
        let packed = metadata.packed
        for field in PackedFields(packed) where !isAllowed(field, in: packed) {
            let name = String(decoding: packed[field.name].prefix(64), as: UTF8.self)
            return MicroError(
                .invalidArgument,
                "The metadata \"\(name)\" can't be sent: names have lower-case letters, digits, _, - and ., and "
                    + "values printable ASCII. Other values go under a name that ends in -bin.",
                id: clientErrorID, processed: .no)
        }
        return nil
    }

    /// Returns whether a field can be sent.
    static func isAllowed(_ field: PackedFields.Field, in packed: [UInt8]) -> Bool {
        !field.name.isEmpty && packed[field.name].allSatisfy(isNameByte)
            && packed[field.value].allSatisfy { $0 >= 0x20 && $0 <= 0x7E }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x61...0x7A, 0x30...0x39, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }
}
