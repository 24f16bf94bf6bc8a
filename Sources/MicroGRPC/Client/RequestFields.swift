import MicroCore

/// The header block of a call.
enum RequestFields {
    /// Returns the fields in the order of the specification (gRPC over HTTP/2, "Requests"), and behind
    /// them what a go-micro server reads: `timeout` in nanoseconds, and `x-content-type`.
    ///
    /// - Parameters:
    ///   - head: What to call.
    ///   - authority: What stands for the server.
    ///   - isSecure: Whether the connection is encrypted.
    ///   - timeout: The time that is left, in nanoseconds.
    /// - Returns: The block.
    static func block(_ head: CallHead, authority: String, isSecure: Bool, timeout: Int64?) -> FieldBlock {
        var block = FieldBlock()
        block.add(":method", "POST")
        block.add(":scheme", isSecure ? "https" : "http")
        block.add(":path", head.path)
        block.add(":authority", authority)
        let type = "application/grpc+\(head.contentSubtype)"
        block.add("content-type", type)
        block.add("te", "trailers")
        block.add("grpc-accept-encoding", Encodings.accepted)
        if head.compression != .identity { block.add("grpc-encoding", head.compression.rawValue) }
        if let timeout {
            block.add("grpc-timeout", RPCTimeout.grpc(timeout))
            block.add("timeout", String(timeout))
        }
        block.add("x-content-type", type)
        if head.metadata.isEmpty || head.metadata["user-agent"] == nil { block.add("user-agent", userAgent) }
        block.add(head.metadata)
        return block
    }

    private static let userAgent = "swift-micro"
}
