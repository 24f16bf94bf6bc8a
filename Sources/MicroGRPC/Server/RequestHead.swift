import MicroCore
import MicroHTTP2

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
    }

    /// Whether the request is a gRPC call.
    var isCall: Bool { isPost && subtype != nil }

    /// Takes a field that HTTP/2 knows.
    ///
    /// - Parameters:
    ///   - field: What the name means.
    ///   - value: The value.
    ///   - server: The connection, which knows the paths that were called before.
    func add(_ field: FieldName, _ value: UnsafeBufferPointer<UInt8>, server: ServerConnection) {
        switch field {
        case .path: path = server.path(value)
        case .method:
            isPost = value.equals("POST")
            isHead = value.equals("HEAD")
        case .contentType: subtype = ContentType.subtype(value)
        default: return
        }
    }

    /// Takes a field of gRPC or go-micro, or of the call's metadata, which are put together in the scratch.
    ///
    /// - Returns: Whether it was not of the metadata.
    func add(
        name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, scratch: LoopScratch
    ) -> Bool {
        guard let field = GRPCField.of(name) else {
            if name.isGoMicroName { isFromGoMicro = true }
            Metadata.appendPacked(name: name, value: value, to: &scratch.head)
            return false
        }
        add(field, value)
        return true
    }

    private func add(_ field: GRPCField, _ value: UnsafeBufferPointer<UInt8>) {
        switch field {
        case .microContentType: isFromGoMicro = true
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
