import MicroCore

/// The Protobuf form of a go-micro error: `google.rpc.Status` with one `errors.Error` inside.
///
/// The two messages have a handful of fields, which are written by hand so that the transport needs
/// no Protobuf library:
///
/// - `google.rpc.Status`: 1 code, 2 message, 3 details (`google.protobuf.Any`: 1 type URL, 2 value)
/// - `errors.Error`: 1 id, 2 code, 3 detail, 4 status
///
/// go-micro's clients read the first detail only, so the details that an error has beside stand behind it.
enum StatusDetails {
    private static let typeURL = "type.googleapis.com/errors.Error"

    /// The number of the field of a status that has the details.
    private static let detailsField: UInt64 = 3

    /// Writes the details of an error.
    static func encode(_ error: MicroError, json: [UInt8]) -> [UInt8] {
        var inner = ProtobufWriter()
        inner.bytes(1, Array(error.id.utf8))
        inner.varint(2, UInt64(bitPattern: Int64(error.httpCode)))
        inner.bytes(3, Array(error.detail.utf8))
        inner.bytes(4, Array(error.statusText.utf8))
        var any = ProtobufWriter()
        any.bytes(1, Array(typeURL.utf8))
        any.bytes(2, inner.output)
        return encode(
            error.status, json, details: [any.output[...]] + (error.rpcDetails.map(split)?.others ?? []))
    }

    private static func encode(
        _ status: RPCStatus, _ message: [UInt8], details: [ArraySlice<UInt8>]
    ) -> [UInt8] {
        var output = ProtobufWriter()
        output.varint(1, UInt64(bitPattern: Int64(status.rawValue)))
        output.bytes(2, message)
        for detail in details { output.bytes(detailsField, Array(detail)) }
        return output.output
    }

    /// Reads the first detail that is a go-micro error, with the other details beside it.
    ///
    /// - Parameters:
    ///   - bytes: A serialised `google.rpc.Status`.
    ///   - status: The status that came with it.
    /// - Returns: The error, or `nil` if there is none in it or it isn't well-formed.
    static func decode(_ bytes: [UInt8], status: RPCStatus) -> MicroError? {
        let (first, others) = split(bytes)
        guard var error = first else { return nil }
        error.status = status
        if !others.isEmpty {
            error.rpcDetails = encode(status, Array(error.detail.utf8), details: others)
        }
        return error
    }

    /// Takes the details of a serialised `google.rpc.Status` apart: the first go-micro error, and all that are none.
    private static func split(_ bytes: [UInt8]) -> (error: MicroError?, others: [ArraySlice<UInt8>]) {
        var status = ProtobufReader(bytes[...])
        var first: MicroError?
        var others: [ArraySlice<UInt8>] = []
        while let (number, value) = status.next() {
            guard number == detailsField, case .bytes(let any) = value else { continue }
            if let error = decodeAny(any) { first = first ?? error } else { others.append(any) }
        }
        return (first, others)
    }

    private static func decodeAny(_ bytes: ArraySlice<UInt8>) -> MicroError? {
        var any = ProtobufReader(bytes)
        var isOurs = false
        var content: ArraySlice<UInt8> = []
        while let (number, value) = any.next() {
            guard case .bytes(let bytes) = value else { continue }
            if number == 1 { isOurs = bytes.elementsEqual(typeURL.utf8) }
            if number == 2 { content = bytes }
        }
        return isOurs ? decodeError(content) : nil
    }

    private static func decodeError(_ bytes: ArraySlice<UInt8>) -> MicroError {
        var reader = ProtobufReader(bytes)
        var error = MicroError(id: "", httpCode: 0, detail: "", statusText: "")
        while let (number, value) = reader.next() {
            switch (number, value) {
            case (1, .bytes(let text)): error.id = String(decoding: text, as: UTF8.self)
            case (2, .varint(let code)): error.httpCode = Int(Int32(truncatingIfNeeded: code))
            case (3, .bytes(let text)): error.detail = String(decoding: text, as: UTF8.self)
            case (4, .bytes(let text)): error.statusText = String(decoding: text, as: UTF8.self)
            default: continue
            }
        }
        return error
    }
}

/// Writes fields of the Protobuf wire format, leaving out those with the default value.
private struct ProtobufWriter {
    private(set) var output: [UInt8] = []

    mutating func varint(_ number: UInt64, _ value: UInt64) {
        guard value != 0 else { return }
        raw(number << 3)
        raw(value)
    }

    mutating func bytes(_ number: UInt64, _ value: [UInt8]) {
        guard !value.isEmpty else { return }
        raw(number << 3 | 2)
        raw(UInt64(value.count))
        output += value
    }

    private mutating func raw(_ value: UInt64) {
        var value = value
        while value > 0x7F {
            output.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        output.append(UInt8(truncatingIfNeeded: value))
    }
}

/// Reads fields of the Protobuf wire format; ends at the first that isn't well-formed.
private struct ProtobufReader {
    enum Value {
        case varint(UInt64)
        case bytes(ArraySlice<UInt8>)
        case other
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next() -> (number: UInt64, value: Value)? {
        guard !rest.isEmpty, let tag = varint() else { return nil }
        switch tag & 7 {
        case 0: return varint().map { (tag >> 3, .varint($0)) }
        case 1: return skip(8).map { (tag >> 3, .other) }
        case 2:
            guard let count = varint(), count <= UInt64(rest.count) else { return nil }
            let bytes = rest.prefix(Int(count))
            rest = rest.dropFirst(Int(count))
            return (tag >> 3, .bytes(bytes))
        case 5: return skip(4).map { (tag >> 3, .other) }
        default: return nil
        }
    }

    private mutating func skip(_ count: Int) -> Void? {
        guard rest.count >= count else { return nil }
        rest = rest.dropFirst(count)
        return ()
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
