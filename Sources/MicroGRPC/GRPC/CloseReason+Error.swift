import MicroCore
import MicroHTTP2

extension CloseReason {
    /// Whether the end says nothing against a deadline that has passed: the peer gave the call up, as it does at the
    /// caller's request or at a deadline, or the connection was lost.
    var mayFollowDeadline: Bool {
        switch self {
        case .reset(let code): code == .cancel
        case .connectionLost: true
        }
    }

    /// The error that the call ends with, if it is not done (gRPC over HTTP/2, "Errors").
    var error: MicroError {
        switch self {
        case .connectionLost(let reason): MicroError(.unavailable, reason)
        case .reset(let code): Self.error(code: code)
        }
    }

    private static func error(code: HTTP2ErrorCode) -> MicroError {
        switch code {
        case .refusedStream:
            MicroError(.unavailable, "The peer refused the call before it saw it.", processed: .no)
        case .cancel:
            MicroError(.cancelled, "The call was cancelled.")
        case .enhanceYourCalm:
            MicroError(.resourceExhausted, "The peer asks for fewer calls.")
        case .inadequateSecurity:
            MicroError(.permissionDenied, "The peer asks for better encryption.")
        default:
            MicroError(.internal, "The call was reset with the HTTP/2 error \(code.name).")
        }
    }
}
