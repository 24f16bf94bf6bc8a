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

    /// What is wrong with the fields as those of HTTP.
    private(set) var rules = RequestRules()

    private var acceptedEncodings = AcceptedEncodings()
    private var size = 0
    private var isTooLong = false

    /// Forgets the head before.
    func reset() {
        path = ""
        isPost = false
        isHead = false
        subtype = nil
        timeout = nil
        fault = nil
        compression = .identity
        acceptedCompression = CompressionSet()
        announcesEncodings = false
        rules = RequestRules()
        size = 0
        isTooLong = false
    }

    /// Whether the request is a gRPC call.
    var isCall: Bool { isPost && subtype != nil }

    /// Takes note that the head is complete.
    ///
    /// - Parameter isStrict: Whether gRPC calls must keep to all rules of HTTP, too.
    /// - Returns: What makes the request malformed, if anything does.
    func end(isStrict: Bool) -> RequestRules.Violation? {
        rules.headEnded()
        // What a head that was not read to its end would have been is not known.
        let isExcused = !isStrict && (isCall || isTooLong)
        return rules.violation ?? (isExcused ? nil : rules.leniency)
    }

    /// Takes a field.
    func add(
        name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, connection: ServerConnection
    ) {
        let field = ReservedFields.field(name)
        rules.add(field, name: name, value: value)
        size += name.count + value.count + 32
        guard size <= connection.limits.maximumHeaderListSize else { return refuse(connection) }
        switch field {
        case nil: Metadata.appendPacked(name: name, value: value, to: &connection.scratch.metadata)
        case .path: path = connection.path(value)
        case .method:
            isPost = value.equals("POST")
            isHead = value.equals("HEAD")
        case .contentType: subtype = ContentType.subtype(value)
        case .grpcTimeout: addTimeout(RPCTimeout.nanoseconds(grpc: value), name: "grpc-timeout")
        case .microTimeout: addTimeout(RPCTimeout.nanoseconds(micro: value), name: "timeout")
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

    private func addTimeout(_ nanoseconds: Int64?, name: String) {
        guard let nanoseconds else {
            fault = fault ?? MicroError(.invalidArgument, "The field \(name) is not a time.")
            return
        }
        timeout = min(timeout ?? nanoseconds, nanoseconds)
    }
}
