import CNghttp2
import MicroCore

/// Why a stream is gone.
///
/// Most streams are gone because their call is done, so the error is made only where one is needed.
enum CloseReason {
    /// The stream ended with an HTTP/2 error code, which is 0 for a call that is done.
    case reset(code: UInt32)

    /// The connection ended.
    case connectionLost(String)

    /// Whether the end says nothing against a deadline that has passed: the peer gave the call up, as it does at the
    /// caller's request or at a deadline, or the connection was lost.
    var mayFollowDeadline: Bool {
        switch self {
        case .reset(let code): code == NGHTTP2_CANCEL.rawValue
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

    private static func error(code: UInt32) -> MicroError {
        switch nghttp2_error_code(code) {
        case NGHTTP2_REFUSED_STREAM:
            MicroError(.unavailable, "The peer refused the call before it saw it.", processed: .no)
        case NGHTTP2_CANCEL:
            MicroError(.cancelled, "The call was cancelled.")
        case NGHTTP2_ENHANCE_YOUR_CALM:
            MicroError(.resourceExhausted, "The peer asks for fewer calls.")
        case NGHTTP2_INADEQUATE_SECURITY:
            MicroError(.permissionDenied, "The peer asks for better encryption.")
        default:
            MicroError(.internal, "The call was reset with the HTTP/2 error \(name(ofCode: code)).")
        }
    }

    /// Returns the name of an error code of HTTP/2, such as `PROTOCOL_ERROR`.
    static func name(ofCode code: UInt32) -> String { String(cString: nghttp2_http2_strerror(code)) }
}
