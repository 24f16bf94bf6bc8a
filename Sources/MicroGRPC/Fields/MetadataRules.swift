import MicroCore
import MicroHTTP2

/// What gRPC allows in metadata: names of lower-case letters, digits, `_`, `-` and `.` that neither gRPC nor HTTP
/// uses itself, and values of printable ASCII (gRPC over HTTP/2, "Custom-Metadata").
enum MetadataRules {
    /// Returns the error of metadata that can't be sent, or `nil` if all can.
    ///
    /// - Parameters:
    ///   - metadata: The fields.
    ///   - status: The status of the error.
    /// - Returns: The error.
    static func violation(in metadata: Metadata, status: RPCStatus) -> MicroError? {
        guard !metadata.isEmpty else { return nil }
        let packed = metadata.packed
        for field in PackedFields(packed) {
            guard let violation = violation(by: field, in: packed) else { continue }
            let name = String(decoding: packed[field.name].prefix(64), as: UTF8.self).printable()
            return MicroError(status, "The metadata \"\(name)\" can't be sent: \(violation).")
        }
        return nil
    }

    /// Returns whether a field can be sent.
    static func isAllowed(_ field: PackedFields.Field, in packed: [UInt8]) -> Bool {
        violation(by: field, in: packed) == nil
    }

    private static func violation(by field: PackedFields.Field, in packed: [UInt8]) -> StaticString? {
        guard !field.name.isEmpty, packed[field.name].allSatisfy(isNameByte) else {
            return "names have lower-case letters, digits, _, - and ."
        }
        guard !ReservedFields.contains(packed[field.name]) else {
            return "HTTP/2 or gRPC uses the name itself"
        }
        guard packed[field.value].allSatisfy({ $0 >= 0x20 && $0 <= 0x7E }) else {
            return "values have printable ASCII; other values go under a name that ends in -bin"
        }
        return nil
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x61...0x7A, 0x30...0x39, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }

    /// Returns what is left of a value without the white space at its ends, which HTTP/2 forbids there and gRPC
    /// allows to be stripped.
    static func trimmed(_ value: Range<Int>, in packed: [UInt8]) -> Range<Int> {
        var value = value
        while let first = value.first, FieldBytes.isWhiteSpace(packed[first]) { value = value.dropFirst() }
        while let last = value.last, FieldBytes.isWhiteSpace(packed[last]) { value = value.dropLast() }
        return value
    }
}
