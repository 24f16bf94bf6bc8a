import MicroCore

/// The fields of a request's head, as they are read one by one.
///
/// Header blocks of a connection don't overlap (RFC 9113, section 4.3), so one value serves all its calls in
/// turn. It is a class since the fields are set one by one from callbacks: each is then one store.
final class RequestHead {
    var path = ""
    var isPost = false

    /// The encoding that the content type names; `nil` if it isn't gRPC's.
    var subtype: String?

    /// The time until the deadline, in nanoseconds.
    var timeout: Int64?

    /// Whether the caller shows that it reads go-micro's errors, by a field that plain gRPC doesn't know.
    var isFromGoMicro = false

    /// What is wrong with the head, if it can't be accepted.
    var fault: MicroError?

    /// How many times the limit a head may have until its sender is taken for an attacker.
    private static let bombFactor = 16

    /// How the messages may be compressed.
    var compression = Compression.identity

    /// How the answer may be compressed.
    var acceptedCompression = CompressionSet()

    /// Whether the client compresses, so that the answer tells what we understand.
    var announcesEncodings = false

    private var acceptedEncodings = AcceptedEncodings()
    private var size = 0
    private var isTooLong = false

    /// Forgets the head before.
    func reset() {
        path = ""
        isPost = false
        subtype = nil
        timeout = nil
        isFromGoMicro = false
        fault = nil
        compression = .identity
        acceptedCompression = CompressionSet()
        announcesEncodings = false
        size = 0
        isTooLong = false
    }

    /// Takes a field.
    func add(
        name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, connection: ServerConnection
    ) {
        size += name.count + value.count + 32
        guard size <= connection.limits.maximumHeaderListSize else { return refuse(connection) }
        switch ReservedFields.field(name) {
        case nil:
            if name.isGoMicroName { isFromGoMicro = true }
            Metadata.appendPacked(name: name, value: value, to: &connection.scratch.metadata)
        case .microContentType: isFromGoMicro = true
        case .path: path = connection.path(value)
        case .method: isPost = value.equals("POST")
        case .contentType: subtype = ContentType.subtype(value)
        case .grpcTimeout: addTimeout(grpc: RPCTimeout.nanoseconds(grpc: value))
        case .microTimeout: addTimeout(micro: RPCTimeout.nanoseconds(micro: value))
        case .grpcEncoding: addEncoding(value)
        case .grpcAcceptEncoding: acceptedCompression.formUnion(acceptedEncodings.meaning(of: value))
        default: return
        }
    }

    /// Refuses a head that is too long; only the first field beyond the limit makes an error.
    private func refuse(_ connection: ServerConnection) {
        let limits = connection.limits
        // A few bytes can stand for a long field that was sent before, again and again.
        if size > max(limits.maximumHeaderListSize, 16 << 10) * Self.bombFactor {
            connection.guardian.note(.headerBomb)
        }
        guard !isTooLong else { return }
        connection.guardian.callWasted()
        isTooLong = true
        fault = MicroError(
            .resourceExhausted,
            "The call's header fields take more than \(limits.maximumHeaderListSize) bytes.")
    }

    private func addEncoding(_ value: UnsafeBufferPointer<UInt8>) {
        let known = Encodings.compression(value)
        compression = known ?? .identity
        announcesEncodings = known != .identity
        guard known == nil else { return }
        let name = String(decoding: value, as: UTF8.self)
        fault =
            fault
            ?? MicroError(
                .unimplemented,
                "The grpc-encoding \"\(name.prefix(64))\" is not supported; \(Encodings.accepted) are.")
    }

    private func addTimeout(grpc nanoseconds: Int64?) {
        guard let nanoseconds else {
            fault = fault ?? MicroError(.invalidArgument, "The field grpc-timeout is not a time.")
            return
        }
        timeout = min(timeout ?? nanoseconds, nanoseconds)
    }

    /// Takes go-micro's timeout; as at go-micro's servers, one that is no number, or is zero, is none.
    private func addTimeout(micro nanoseconds: Int64?) {
        guard let nanoseconds, nanoseconds > 0 else { return }
        timeout = min(timeout ?? nanoseconds, nanoseconds)
    }
}
