import MicroCore

/// The fields of a request's head, as they are read one by one.
struct RequestHead {
    var path = ""
    var isPost = false

    /// The encoding that the content type names; `nil` if it isn't gRPC's.
    var subtype: String?

    /// The time until the deadline, in nanoseconds.
    var timeout: Int64?

    /// What is wrong with the head, if it can't be accepted.
    var fault: MicroError?

    private var size = 0

    /// Takes a field.
    mutating func add(
        name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, connection: ServerConnection
    ) {
        size += name.count + value.count + 32
        guard size <= connection.limits.maximumHeaderListSize else {
            fault = MicroError(
                .resourceExhausted,
                "The call's header fields take more than \(connection.limits.maximumHeaderListSize) bytes.")
            return
        }
        switch ReservedFields.field(name) {
        case nil: Metadata.appendPacked(name: name, value: value, to: &connection.scratch.metadata)
        case .path: path = connection.path(value)
        case .method: isPost = value.equals("POST")
        case .contentType: subtype = ContentType.subtype(value)
        case .grpcTimeout: addTimeout(RPCTimeout.nanoseconds(grpc: value), name: "grpc-timeout")
        case .microTimeout: addTimeout(RPCTimeout.nanoseconds(micro: value), name: "timeout")
        case .grpcEncoding:
            guard !value.equals("identity") else { return }
            let name = String(decoding: value, as: UTF8.self)
            fault = fault ?? MicroError(.unimplemented, "The grpc-encoding \"\(name)\" is not supported.")
        default: return
        }
    }

    private mutating func addTimeout(_ nanoseconds: Int64?, name: String) {
        guard let nanoseconds else {
            fault = fault ?? MicroError(.invalidArgument, "The field \(name) is not a time.")
            return
        }
        timeout = min(timeout ?? nanoseconds, nanoseconds)
    }
}
