import MicroCore

/// The fields in which the outcome of a call travels.
///
/// To a peer that shows that it is go-micro's, an error with an id goes in go-micro's two forms: its JSON as
/// `grpc-message`, and its Protobuf in `grpc-status-details-bin`. All others get the status, the text and the
/// details, as plain gRPC has them.
enum StatusFields {
    /// The forms in which an error travels.
    enum ErrorForm {
        /// What every gRPC client reads.
        case plain

        /// What go-micro's clients, and ours, read beyond it.
        case goMicro
    }

    /// The trailers of a call that succeeded and has no trailing metadata.
    static let success: PermanentFieldBlock = {
        var block = FieldBlock()
        block.add("grpc-status", "0")
        return FieldBlock.permanent(block)
    }()

    /// Adds the outcome of a call that failed.
    static func add(_ error: MicroError, as form: ErrorForm, to block: inout FieldBlock) {
        // An error must not look like success, whatever its author wrote.
        let status = error.rpcStatus.rawValue > 0 ? error.rpcStatus : .unknown
        block.add("grpc-status", String(status.rawValue))
        let (message, details) = texts(of: error, as: form)
        if !message.isEmpty { block.add("grpc-message", percentEncoded(message)) }
        if let details { block.add("grpc-status-details-bin", Base64.encode(details, padding: false)) }
        block.add(error.trailingMetadata)
    }

    /// Returns what an error says in a form: the text, and the details.
    private static func texts(
        of error: MicroError, as form: ErrorForm
    ) -> (message: [UInt8], details: [UInt8]?) {
        if form == .plain || error.id.isEmpty { return (Array(error.detail.utf8), error.rpcDetails) }
        let json = error.json()
        return (json, StatusDetails.encode(error, json: json))
    }

    /// Puts the outcome together that a peer sent.
    ///
    /// - Parameters:
    ///   - status: The value of `grpc-status`.
    ///   - message: The value of `grpc-message`, percent-decoded.
    ///   - details: The value of `grpc-status-details-bin`, Base64-decoded.
    /// - Returns: The error; go-micro's own if the fields have one.
    static func error(status: RPCStatus, message: [UInt8], details: [UInt8]?) -> MicroError {
        if let details, let error = StatusDetails.decode(details, rpcStatus: status) { return error }
        if let error = MicroError(json: message, rpcStatus: status) { return error }
        var error = MicroError(status, String(decoding: message, as: UTF8.self))
        error.rpcDetails = details
        return error
    }

    /// Writes a text with all bytes but the printable ASCII ones, and `%` itself, as `%XX` (gRPC over
    /// HTTP/2, "Percent-Encoded").
    static func percentEncoded(_ text: [UInt8]) -> [UInt8] {
        guard text.contains(where: { $0 < 0x20 || $0 > 0x7E || $0 == UInt8(ascii: "%") }) else { return text }
        let digits = Array("0123456789ABCDEF".utf8)
        return text.flatMap { byte in
            byte < 0x20 || byte > 0x7E || byte == UInt8(ascii: "%")
                ? [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]] : [byte]
        }
    }

    /// Reads what ``percentEncoded(_:)`` writes; what isn't well-formed stays as it is.
    static func percentDecoded(_ text: some Collection<UInt8>) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count)
        var rest = Array(text)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2,
                digits.allSatisfy({ UInt8(ascii: "+") != $0 }),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                decoded.append(value)
                rest = rest.dropFirst(2)
            } else {
                decoded.append(byte)
            }
        }
        return decoded
    }
}
