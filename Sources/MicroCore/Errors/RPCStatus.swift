/// A canonical gRPC status code (`google.rpc.Code`).
public struct RPCStatus: RawRepresentable, Hashable, Sendable {
    /// The number on the wire, 0 to 16.
    ///
    /// A number outside is kept as it came.
    public let rawValue: Int

    /// Creates a status from its number.
    ///
    /// - Parameter rawValue: The number on the wire.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Success.
    public static let ok = RPCStatus(rawValue: 0)
    /// The caller gave the call up.
    public static let cancelled = RPCStatus(rawValue: 1)
    /// An error of no known kind.
    public static let unknown = RPCStatus(rawValue: 2)
    /// The request makes no sense, whatever the state of the system.
    public static let invalidArgument = RPCStatus(rawValue: 3)
    /// The deadline passed before the call was done.
    public static let deadlineExceeded = RPCStatus(rawValue: 4)
    /// What was asked for doesn't exist.
    public static let notFound = RPCStatus(rawValue: 5)
    /// What should be made exists already.
    public static let alreadyExists = RPCStatus(rawValue: 6)
    /// The caller is known and may not do this.
    public static let permissionDenied = RPCStatus(rawValue: 7)
    /// A limit or quota is used up.
    public static let resourceExhausted = RPCStatus(rawValue: 8)
    /// The system isn't in the state that the call needs.
    public static let failedPrecondition = RPCStatus(rawValue: 9)
    /// The call lost against a concurrent one.
    public static let aborted = RPCStatus(rawValue: 10)
    /// The call went past the end of something.
    public static let outOfRange = RPCStatus(rawValue: 11)
    /// There is no such endpoint, or it doesn't do this.
    public static let unimplemented = RPCStatus(rawValue: 12)
    /// Something that should always hold doesn't.
    public static let `internal` = RPCStatus(rawValue: 13)
    /// The service can't be reached now; trying again later may help.
    public static let unavailable = RPCStatus(rawValue: 14)
    /// Data is lost or damaged for good.
    public static let dataLoss = RPCStatus(rawValue: 15)
    /// It isn't known who calls.
    public static let unauthenticated = RPCStatus(rawValue: 16)

    private static let names = [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
        "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ]

    private static let httpCodes = [
        200, 499, 500, 400, 408, 404, 409, 403, 429, 412, 409, 400, 501, 500, 503, 500, 401,
    ]

    /// The status that a go-micro server sends for a code.
    ///
    /// - Parameter code: An HTTP-like code. One that go-micro has no status for is `unknown`.
    public init(httpCode code: Int) {
        self =
            switch code {
            case 400: .invalidArgument
            case 401: .unauthenticated
            case 403: .permissionDenied
            case 404: .notFound
            case 408: .deadlineExceeded
            case 409: .alreadyExists
            case 412: .failedPrecondition
            case 500: .internal
            case 501: .unimplemented
            case 503: .unavailable
            default: .unknown
            }
    }

    /// The HTTP-like code that corresponds best.
    public var httpCode: Int { Self.httpCodes.indices.contains(rawValue) ? Self.httpCodes[rawValue] : 500 }
}

extension RPCStatus: CustomStringConvertible {
    /// The name as the gRPC documentation writes it: `NOT_FOUND`.
    public var description: String {
        Self.names.indices.contains(rawValue) ? Self.names[rawValue] : "CODE(\(rawValue))"
    }
}
