import MicroCore
import MicroHTTP2

/// The fields of an answer's head or trailers, as they are read one by one.
struct ResponseFields {
    /// How the messages may be compressed.
    private(set) var compression = Compression.identity

    private var httpStatus = 200
    private var isGRPC = false
    private var status: RPCStatus?
    private var message: [UInt8] = []
    private var details: [UInt8]?
    private var metadata: [UInt8] = []
    private var unknownEncoding: String?
    private var size = 0
    private var excess: Excess?

    /// That the fields are more than we take.
    private struct Excess {
        var limit: Int
        var isMessageCut = false
    }

    private var isTooLong: Bool { excess != nil }

    /// How much is kept of a message beyond the limit.
    private static let keptMessage = 1 << 10

    /// Takes a field.
    mutating func add(
        _ field: FieldName?, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, limit: Int
    ) {
        size += name.count + value.count + FieldBlock.fieldOverhead
        guard size <= limit else { return addBeyondLimit(field, name: name, value: value, limit: limit) }
        switch field {
        case nil, .host: add(name: name, value: value)
        case .status: httpStatus = Int(String(decoding: value, as: UTF8.self)) ?? 0
        case .contentType: isGRPC = ContentType.subtype(value) != nil
        default: return
        }
    }

    /// Takes a field of gRPC, or of the metadata.
    private mutating func add(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        switch GRPCField.of(name) {
        case nil: Metadata.appendPacked(name: name, value: value, to: &metadata)
        case .grpcStatus: addStatus(value)
        case .grpcMessage: message = StatusFields.percentDecoded(value)
        case .grpcStatusDetails: details = Base64.decode(value)
        case .grpcEncoding: addEncoding(value)
        default: return
        }
    }

    /// Takes of a field beyond the limit what tells how the call ended, and drops the rest.
    private mutating func addBeyondLimit(
        _ field: FieldName?, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, limit: Int
    ) {
        if !isTooLong { excess = Excess(limit: limit) }
        if field == .status, value.count <= 3 {
            httpStatus = Int(String(decoding: value, as: UTF8.self)) ?? 0
        }
        guard field == nil else { return }
        switch GRPCField.of(name) {
        case .grpcStatus where value.count <= 10: addStatus(value)
        case .grpcMessage where message.isEmpty:
            message = StatusFields.percentDecoded(value.prefix(Self.keptMessage))
            excess?.isMessageCut = value.count > Self.keptMessage
        default: return
        }
    }

    private mutating func addStatus(_ value: UnsafeBufferPointer<UInt8>) {
        status = Int(String(decoding: value, as: UTF8.self)).map(RPCStatus.init(rawValue:))
    }

    private mutating func addEncoding(_ value: UnsafeBufferPointer<UInt8>) {
        guard let known = Encodings.compression(value) else {
            unknownEncoding = String(decoding: value.prefix(64), as: UTF8.self)
            return
        }
        compression = known
    }

    /// Whether the head is an informational one, behind which the real one comes.
    var isInformational: Bool { (100..<200).contains(httpStatus) }

    /// The metadata in the fields.
    var packedMetadata: Metadata { Metadata(packed: metadata) }

    /// What is wrong with a head, if no messages can follow it.
    var headError: MicroError? {
        if let excess { return Self.tooLong(excess, "head") }
        if httpStatus != 200 {
            return MicroError(
                Self.status(http: httpStatus), "The peer answered with the HTTP status \(httpStatus).")
        }
        guard isGRPC else {
            return MicroError(.unknown, "The peer's answer is not gRPC: check the address.")
        }
        return unknownEncoding.map {
            MicroError(
                .internal,
                "The answer has the grpc-encoding \"\($0)\", which was not offered; \(Encodings.accepted) were."
            )
        }
    }

    /// Returns the outcome that the trailers have.
    ///
    /// - Parameter isBehindHead: Whether a head came before, or the fields are the whole answer.
    /// - Returns: The trailing metadata, or the error.
    func outcome(isBehindHead: Bool) -> Result<Metadata, MicroError> {
        guard let status else {
            let headError = isBehindHead ? excess.map { Self.tooLong($0, "trailers") } : headError
            return .failure(headError ?? MicroError(.unknown, "The answer ended without a grpc-status."))
        }
        if status == .ok {
            return excess.map { .failure(Self.tooLong($0, "trailers")) } ?? .success(packedMetadata)
        }
        var error = StatusFields.error(status: status, message: message, details: details)
        error.trailingMetadata = packedMetadata
        if let excess {
            let cut = excess.isMessageCut ? "… " : " "
            error.detail += "\(cut)[the rest of the trailers, beyond \(excess.limit) bytes, was dropped]"
        }
        return .failure(error)
    }

    private static func tooLong(_ excess: Excess, _ what: String) -> MicroError {
        MicroError(
            .resourceExhausted,
            "The \(what) of the answer takes more than \(excess.limit) bytes of header fields, so it is too long."
        )
    }

    /// The status for an answer that isn't gRPC's (gRPC, "HTTP to gRPC Status Code Mapping").
    private static func status(http status: Int) -> RPCStatus {
        switch status {
        case 400: .internal
        case 401: .unauthenticated
        case 403: .permissionDenied
        case 404: .unimplemented
        case 429, 502, 503, 504: .unavailable
        default: .unknown
        }
    }
}
