/// The outcome of a call that did not succeed.
///
/// It is what a handler throws to answer with an error, and what a caller catches. It travels in
/// two forms at once, so both of our worlds understand it: as a gRPC status, and (if it has an
/// ``id``) as go-micro's error of id, code, detail and status.
///
/// ```swift
/// throw MicroError(.notFound, "There is no greeting in \(language).", id: "greeter")
/// ```
///
/// Every canonical gRPC status round-trips without loss, and so does every go-micro code.
///
/// What goes wrong before a service runs, such as an unknown plugin, is a ``StartError`` instead.
public struct MicroError: Error, Hashable, Sendable {
    /// The fields, shared by the copies of an error: errors stand in many results on the hot path, which
    /// would all be as large.
    private var fields: Fields

    /// Who reports the error: a service's name, or `go.micro.client` for the client itself.
    ///
    /// An error without an id travels as a plain gRPC status.
    public var id: String {
        get { fields.values.id }
        set { change { $0.id = newValue } }
    }

    /// The HTTP-like code that go-micro uses, such as 404 or 500.
    ///
    /// It goes with the gRPC status; only what a peer has sent may have another one.
    public package(set) var httpCode: Int {
        get { fields.values.httpCode }
        set { change { $0.httpCode = newValue } }
    }

    /// What happened, for a person to read.
    public var detail: String {
        get { fields.values.detail }
        set { change { $0.detail = newValue } }
    }

    /// The name of the code, `Not Found` for 404; empty for a code that has none.
    public package(set) var statusText: String {
        get { fields.values.statusText }
        set { change { $0.statusText = newValue } }
    }

    /// The gRPC status.
    public package(set) var status: RPCStatus {
        get { fields.values.status }
        set { change { $0.status = newValue } }
    }

    /// Serialised `google.rpc.Status` that a plain gRPC peer sent or gets, if any.
    public var rpcDetails: [UInt8]? {
        get { fields.values.rpcDetails }
        set { change { $0.rpcDetails = newValue } }
    }

    /// What led to the error, for the log of the process in which it was made.
    ///
    /// It never travels: the service logs it where a call ends with the error, and takes it out. Neither does it
    /// count when errors are compared.
    public var cause: (any Error)? {
        get { fields.cause }
        set { fields = Fields(fields.values, cause: newValue) }
    }

    /// Whether the peer may have worked on the call.
    ///
    /// It does not travel.
    public var processed: Processed {
        get { fields.values.processed }
        set { change { $0.processed = newValue } }
    }

    /// Whether there is no connection because it couldn't be secured: one side has refused the other's
    /// certificate, or they share no way to do it.
    ///
    /// Trying again doesn't mend it. It does not travel.
    package var isSecurityFailure: Bool {
        get { fields.values.isSecurityFailure }
        set { change { $0.isSecurityFailure = newValue } }
    }

    /// The metadata that came, or goes, behind the last message.
    public var trailingMetadata: Metadata {
        get { fields.values.trailingMetadata }
        set { change { $0.trailingMetadata = newValue } }
    }

    /// Whether a call may have had an effect before it failed.
    public enum Processed: Hashable, Sendable {
        /// The peer has surely not seen the call, so making it again is safe.
        case no

        /// The peer may have seen it, or has answered it.
        case maybe
    }

    /// Creates an error with a gRPC status.
    ///
    /// - Parameters:
    ///   - status: The gRPC status; the go-micro code is the one that corresponds to it.
    ///   - detail: What happened, for a person to read.
    ///   - id: Who reports the error.
    ///   - processed: Whether the peer may have worked on the call.
    ///   - cause: What led to it, which stays in the process.
    public init(
        _ status: RPCStatus, _ detail: String, id: String = "", processed: Processed = .maybe,
        cause: (any Error)? = nil
    ) {
        self.init(
            id: id, httpCode: status.httpCode, detail: detail, status: status, processed: processed,
            cause: cause)
    }

    /// Creates an error with a go-micro code.
    ///
    /// - Parameters:
    ///   - id: Who reports the error.
    ///   - httpCode: The HTTP-like code; the gRPC status is the one that go-micro sends for it.
    ///   - detail: What happened, for a person to read.
    ///   - statusText: The name of the code; the usual one if `nil`.
    ///   - processed: Whether the peer may have worked on the call.
    ///   - cause: What led to it, which stays in the process.
    public init(
        id: String, httpCode: Int, detail: String, statusText: String? = nil, processed: Processed = .maybe,
        cause: (any Error)? = nil
    ) {
        self.init(
            id: id, httpCode: httpCode, detail: detail, statusText: statusText,
            status: RPCStatus(httpCode: httpCode),
            processed: processed, cause: cause)
    }

    /// Creates an error as a peer has sent it, whose code and status need not go together.
    package init(
        id: String, httpCode: Int, detail: String, statusText: String? = nil, status: RPCStatus,
        processed: Processed = .maybe, cause: (any Error)? = nil
    ) {
        fields = Fields(
            Values(
                id: id, httpCode: httpCode, detail: detail, statusText: statusText ?? StatusText.of(httpCode),
                status: status, rpcDetails: nil, processed: processed, trailingMetadata: Metadata()),
            cause: cause)
    }

    /// Gives the error another gRPC status, with the code that goes with it.
    ///
    /// - Parameter status: The status.
    public mutating func reclassify(as status: RPCStatus) {
        change {
            $0.status = status
            $0.httpCode = status.httpCode
            $0.statusText = StatusText.of(status.httpCode)
        }
    }

    private struct Values: Hashable {
        var id: String
        var httpCode: Int
        var detail: String
        var statusText: String
        var status: RPCStatus
        var rpcDetails: [UInt8]?
        var processed: Processed
        var isSecurityFailure = false
        var trailingMetadata: Metadata
    }

    private final class Fields: Sendable {
        let values: Values
        let cause: (any Error)?

        init(_ values: Values, cause: (any Error)?) {
            self.values = values
            self.cause = cause
        }
    }

    private mutating func change(_ body: (inout Values) -> Void) {
        var values = fields.values
        body(&values)
        fields = Fields(values, cause: fields.cause)
    }

    /// Returns whether two errors have the same fields, of which the cause is none.
    public static func == (left: MicroError, right: MicroError) -> Bool {
        left.fields === right.fields || left.fields.values == right.fields.values
    }

    /// Hashes the fields.
    public func hash(into hasher: inout Hasher) { hasher.combine(fields.values) }
}

extension MicroError: CustomStringConvertible {
    /// The status and the detail, and who reported it, fit for a log line: another process may have chosen the
    /// words.
    public var description: String {
        let origin = id.isEmpty ? "" : "\(id.printable()): "
        return "\(origin)\(detail.printable(limit: 2000)) (\(status), code \(httpCode))"
    }
}

/// The names of HTTP status codes (RFC 9110, section 15, and its registry).
package enum StatusText {
    private static let names: [Int: String] = [
        100: "Continue", 101: "Switching Protocols", 102: "Processing", 103: "Early Hints",
        200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information", 204: "No Content",
        205: "Reset Content", 206: "Partial Content", 207: "Multi-Status", 208: "Already Reported",
        226: "IM Used",
        300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other",
        304: "Not Modified", 305: "Use Proxy", 307: "Temporary Redirect", 308: "Permanent Redirect",
        400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden",
        404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
        407: "Proxy Authentication Required", 408: "Request Timeout",
        409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Precondition Failed",
        413: "Request Entity Too Large", 414: "Request URI Too Long", 415: "Unsupported Media Type",
        416: "Requested Range Not Satisfiable", 417: "Expectation Failed", 418: "I'm a teapot",
        421: "Misdirected Request", 422: "Unprocessable Entity", 423: "Locked", 424: "Failed Dependency",
        425: "Too Early", 426: "Upgrade Required", 428: "Precondition Required", 429: "Too Many Requests",
        431: "Request Header Fields Too Large", 451: "Unavailable For Legal Reasons",
        500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
        503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported",
        506: "Variant Also Negotiates", 507: "Insufficient Storage", 508: "Loop Detected",
        510: "Not Extended", 511: "Network Authentication Required",
    ]

    /// Returns the name of a code, or nothing for a code without one.
    package static func of(_ code: Int) -> String { names[code] ?? "" }
}
