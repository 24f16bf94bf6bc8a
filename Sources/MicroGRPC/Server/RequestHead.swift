import MicroCore

/// The fields of a request's head, as they are read one by one.
///
/// Header blocks of a connection don't overlap (RFC 9113, section 4.3), so one value serves all its calls in
/// turn. It is a class since the fields are set one by one from callbacks: each is then one store.
final class RequestHead {
    var path = ""
    var isPost = false

    /// Whether the method is HEAD, whose answers have no body.
    var isHead = false

    /// The encoding that the content type names; `nil` if it isn't gRPC's.
    var subtype: String?

    /// The time until the deadline, in nanoseconds.
    var timeout: Int64?

    /// Whether the caller shows that it reads go-micro's errors, by a field that plain gRPC doesn't know.
    var isFromGoMicro = false

    /// What is wrong with the head, if it can't be accepted.
    var fault: MicroError?

    /// How the messages may be compressed.
    var compression = Compression.identity

    /// How the answer may be compressed.
    var acceptedCompression = CompressionSet()

    /// Whether the client compresses, so that the answer tells what we understand.
    var announcesEncodings = false

    /// What is wrong with the fields as those of HTTP.
    let rules = RequestRules()

    /// Whether the head is longer than it may be, so that it was not read to its end.
    var isTooLong = false

    private var acceptedEncodings = AcceptedEncodings()

    /// Forgets the head before.
    func reset() {
        path = ""
        isPost = false
        isHead = false
        subtype = nil
        timeout = nil
        isFromGoMicro = false
        fault = nil
        compression = .identity
        acceptedCompression = CompressionSet()
        announcesEncodings = false
        rules.reset()
        isTooLong = false
    }

    /// Whether the request is a gRPC call.
    var isCall: Bool { isPost && subtype != nil }

    /// Records that the head is complete.
    ///
    /// - Parameter isStrict: Whether gRPC calls must keep to all rules of HTTP, too.
    /// - Returns: What makes the request malformed, if anything does.
    func end(isStrict: Bool) -> RequestRules.Violation? {
        // What a head that was not read to its end would have been is not known.
        guard !isTooLong else { return nil }
        rules.headEnded()
        return rules.violation ?? (isCall && !isStrict ? nil : rules.leniency)
    }

    /// Takes a field.
    func add(
        name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, connection: ServerConnection
    ) {
        let field = ReservedFields.field(name)
        rules.add(field, name: name, value: value)
        switch field {
        case nil:
            if name.isGoMicroName { isFromGoMicro = true }
            Metadata.appendPacked(name: name, value: value, to: &connection.scratch.metadata)
        case .microContentType: isFromGoMicro = true
        case .path: path = connection.path(value)
        case .method:
            isPost = value.equals("POST")
            isHead = value.equals("HEAD")
        case .contentType: subtype = ContentType.subtype(value)
        case .grpcTimeout: addTimeout(grpc: RPCTimeout.nanoseconds(grpc: value))
        case .microTimeout: addTimeout(micro: RPCTimeout.nanoseconds(micro: value))
        case .grpcEncoding: addEncoding(value)
        case .grpcAcceptEncoding: acceptedCompression.formUnion(acceptedEncodings.meaning(of: value))
        default: return
        }
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

    /// Takes go-micro's timeout; as at go-micro's servers, one that is no number is none.
    private func addTimeout(micro nanoseconds: Int64?) {
        guard let nanoseconds else { return }
        timeout = min(timeout ?? nanoseconds, nanoseconds)
    }
}
