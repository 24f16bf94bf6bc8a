/// A reason why a connection can't be secured, or is no longer.
///
/// The message says which side refused which and why, and what to do about it.
public struct TLSError: Error, Hashable, Sendable {
    /// What kind of reason it is.
    public struct Code: Hashable, Sendable {
        private enum Kind {
            case peerNotTrusted, refusedByPeer, noCommonProtocol, notTLS, truncated, timeout, closed, failed
        }

        private let kind: Kind

        /// We refused the peer: its certificate is missing, invalid, or has another name.
        public static var peerNotTrusted: Self { Self(kind: .peerNotTrusted) }

        /// The peer refused us and said so by an alert.
        public static var refusedByPeer: Self { Self(kind: .refusedByPeer) }

        /// The sides share no version, cipher or application protocol.
        public static var noCommonProtocol: Self { Self(kind: .noCommonProtocol) }

        /// The peer speaks something else than TLS.
        public static var notTLS: Self { Self(kind: .notTLS) }

        /// The connection ended without the peer's close notification: data may be missing.
        public static var truncated: Self { Self(kind: .truncated) }

        /// The handshake took too long.
        public static var timeout: Self { Self(kind: .timeout) }

        /// The connection was closed before the operation could be done.
        public static var closed: Self { Self(kind: .closed) }

        /// Anything else, such as a damaged record.
        public static var failed: Self { Self(kind: .failed) }
    }

    /// What kind of reason it is.
    public var code: Code

    /// Who refused whom, why, and what to do.
    public var message: String

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: What kind of reason it is.
    ///   - message: Who refused whom, why, and what to do, in whole sentences.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension TLSError: CustomStringConvertible {
    /// The message.
    public var description: String { message }
}
