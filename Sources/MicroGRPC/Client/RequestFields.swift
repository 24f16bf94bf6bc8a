import MicroCore
import MicroHTTP2

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

    /// Returns why a head can't be sent, if it can't.
    static func fault(in head: CallHead) -> MicroError? {
        guard head.path.utf8.first == UInt8(ascii: "/"), isVisible(head.path) else {
            return refusal(
                .invalidArgument,
                "The path \(head.path.printable(limit: 100).debugDescription) can't be called: a path begins with "
                    + "/ and has no spaces or control characters.")
        }
        guard isVisible(head.contentSubtype) else {
            return refusal(
                .invalidArgument,
                "The content type application/grpc+\(head.contentSubtype.printable(limit: 100)) can't be sent."
            )
        }
        guard var error = MetadataRules.violation(in: head.metadata, status: .invalidArgument) else {
            return nil
        }
        error.id = clientErrorID
        error.processed = .no
        return error
    }

    /// Returns the error of a head that is longer than the server takes.
    static func tooLong(_ size: Int, limit: Int) -> MicroError {
        refusal(
            .resourceExhausted,
            "The call's path and metadata take \(size) bytes, and the server takes header fields of \(limit)."
        )
    }

    private static func refusal(_ status: RPCStatus, _ text: String) -> MicroError {
        MicroError(status, text, id: clientErrorID, processed: .no)
    }

    /// Whether a text can stand in a field, and has no spaces.
    private static func isVisible(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            // No early exit, so that the loop has no branches.
            bytes.reduce(true) { $0 && $1 > 0x20 && $1 != 0x7F }
        }
    }

    private static let userAgent = "swift-micro"
}
