import CNghttp2

/// Why a stream or a connection ends (RFC 9113, section 7).
public struct HTTP2ErrorCode: RawRepresentable, Hashable, Sendable {
    /// The number on the wire; there are others than the known ones.
    public let rawValue: UInt32

    /// Creates a code from its number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    private init(_ code: nghttp2_error_code) { rawValue = code.rawValue }

    /// The end without an error.
    package static var noError: Self { Self(NGHTTP2_NO_ERROR) }
    /// The peer broke a rule that has no code of its own.
    package static var protocolError: Self { Self(NGHTTP2_PROTOCOL_ERROR) }
    /// We failed.
    package static var internalError: Self { Self(NGHTTP2_INTERNAL_ERROR) }
    /// Our settings were not acknowledged in time.
    package static var settingsTimeout: Self { Self(NGHTTP2_SETTINGS_TIMEOUT) }
    /// The stream was refused before anything was done about it.
    package static var refusedStream: Self { Self(NGHTTP2_REFUSED_STREAM) }
    /// Nobody needs the stream any more.
    package static var cancel: Self { Self(NGHTTP2_CANCEL) }
    /// The peer takes more than its share.
    package static var enhanceYourCalm: Self { Self(NGHTTP2_ENHANCE_YOUR_CALM) }
    /// The encryption is not good enough.
    package static var inadequateSecurity: Self { Self(NGHTTP2_INADEQUATE_SECURITY) }

    /// The name, such as `PROTOCOL_ERROR`.
    package var name: String { String(cString: nghttp2_http2_strerror(rawValue)) }
}

/// Why a stream is gone.
///
/// Most streams are gone because they are done, so an error is made of it only where one is needed.
public enum CloseReason: Sendable {
    /// The stream ended with an error code, which is `noError` for one that is done.
    case reset(HTTP2ErrorCode)

    /// The connection ended.
    case connectionLost(String)
}
