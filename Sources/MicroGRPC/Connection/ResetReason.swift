import CNghttp2
import MicroCore

/// What the code of a reset says of the call.
enum ResetReason {
    /// Returns the error that a reset ends a call with (gRPC over HTTP/2, "Errors").
    static func error(code: UInt32) -> MicroError {
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
            MicroError(.internal, "The call was reset with the HTTP/2 error \(name(code)).")
        }
    }

    private static func name(_ code: UInt32) -> String { String(cString: nghttp2_http2_strerror(code)) }
}
