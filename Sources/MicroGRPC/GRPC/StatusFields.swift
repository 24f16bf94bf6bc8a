import MicroCore
import MicroHTTP2
import MicroPluginKit
import MicroWire

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
        return block.permanent()
    }()

    /// Adds the outcome of a call that failed.
    ///
    /// - Parameters:
    ///   - error: The outcome. What of it doesn't fit is shortened or left out; see ``ErrorFitting``.
    ///   - form: The form that the peer reads.
    ///   - block: The fields in front.
    ///   - limit: The greatest size that the whole block may have.
    static func add(_ error: MicroError, as form: ErrorForm, to block: inout FieldBlock, limit: Int) {
        let fitting = ErrorFitting(error, room: limit - block.listSize) { fields(of: $0, as: form) }
        block.add(fitting.fields)
        block.add(fitting.metadata)
    }

    /// Returns the fields of an error, without its metadata.
    private static func fields(of error: MicroError, as form: ErrorForm) -> FieldBlock {
        var block = FieldBlock()
        // An error must not look like success, whatever its author wrote.
        let status = error.status.rawValue > 0 ? error.status : .unknown
        block.add("grpc-status", String(status.rawValue))
        let (message, details) = texts(of: error, as: form)
        if !message.isEmpty { block.add("grpc-message", percentEncoded(message)) }
        if let details { block.add("grpc-status-details-bin", Base64.encode(details, padding: false)) }
        return block
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
        if let details, let error = StatusDetails.decode(details, status: status) { return error }
        if let error = MicroError(json: message, status: status) { return error }
        var error = MicroError(status, String(decoding: message, as: UTF8.self))
        error.rpcDetails = details
        return error
    }

    /// Writes a text with all bytes but the printable ASCII ones, and `%` itself, as `%XX` (gRPC over
    /// HTTP/2, "Percent-Encoded").
    ///
    /// A space at the beginning or the end is encoded, too: HTTP/2 takes a field with a bare one for malformed
    /// (RFC 9113, section 8.2.1).
    static func percentEncoded(_ text: [UInt8]) -> [UInt8] {
        let space = UInt8(ascii: " ")
        guard text.first == space || text.last == space || text.contains(where: mustBeEncoded) else {
            return text
        }
        return PercentCoding.encode(text) { position, byte in
            let isAtEdge = position == 0 || position == text.count - 1
            return !mustBeEncoded(byte) && !(byte == space && isAtEdge)
        }
    }

    private static func mustBeEncoded(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte > 0x7E || byte == UInt8(ascii: "%")
    }

    /// Reads what ``percentEncoded(_:)`` writes; what isn't well-formed stays as it is.
    static func percentDecoded(_ text: some Collection<UInt8>) -> [UInt8] { PercentCoding.decode(text) }
}
