internal import MicroCore

/// A reason why something can't be done with NATS.
///
/// The message says what was wrong, where, and what to do.
public struct NATSError: Error, Hashable, Sendable {
    /// What kind of reason it is.
    public struct Code: Hashable, Sendable {
        private enum Kind {
            case invalidSubject, invalidHeader, invalidAddress, invalidCredentials, payloadTooLarge
            case connectFailed, authenticationFailed, insecure, permissionDenied, protocolViolation
            case connectionLost, staleConnection, slowConsumer, maximumPayload, serverError, lameDuck
            case noResponders, timeout, bufferFull, closed, cancelled, jetStream
        }

        private let kind: Kind

        /// A subject or queue that can't be sent.
        public static var invalidSubject: Self { Self(kind: .invalidSubject) }

        /// A header that can't be sent.
        public static var invalidHeader: Self { Self(kind: .invalidHeader) }

        /// An address of a server that can't be used.
        public static var invalidAddress: Self { Self(kind: .invalidAddress) }

        /// A seed or credentials file that can't be used.
        public static var invalidCredentials: Self { Self(kind: .invalidCredentials) }

        /// A message is larger than the server takes.
        public static var payloadTooLarge: Self { Self(kind: .payloadTooLarge) }

        /// No server can be reached.
        public static var connectFailed: Self { Self(kind: .connectFailed) }

        /// The server refuses our credentials.
        public static var authenticationFailed: Self { Self(kind: .authenticationFailed) }

        /// The connection can't be secured as it must be.
        public static var insecure: Self { Self(kind: .insecure) }

        /// The server doesn't allow the publication or subscription.
        public static var permissionDenied: Self { Self(kind: .permissionDenied) }

        /// The server said something that isn't NATS.
        public static var protocolViolation: Self { Self(kind: .protocolViolation) }

        /// The connection was lost; whether what was sent has arrived isn't known.
        public static var connectionLost: Self { Self(kind: .connectionLost) }

        /// A side of the connection didn't answer pings.
        public static var staleConnection: Self { Self(kind: .staleConnection) }

        /// We, or a subscription of ours, take messages too slowly.
        public static var slowConsumer: Self { Self(kind: .slowConsumer) }

        /// The server has cut the connection since a message was too large for it.
        public static var maximumPayload: Self { Self(kind: .maximumPayload) }

        /// Any other error that a server told.
        public static var serverError: Self { Self(kind: .serverError) }

        /// The server is about to stop.
        public static var lameDuck: Self { Self(kind: .lameDuck) }

        /// Nobody answers requests on the subject.
        public static var noResponders: Self { Self(kind: .noResponders) }

        /// It took too long.
        public static var timeout: Self { Self(kind: .timeout) }

        /// The buffer of what is sent after a reconnect is full.
        public static var bufferFull: Self { Self(kind: .bufferFull) }

        /// The client has been closed.
        public static var closed: Self { Self(kind: .closed) }

        /// The task was cancelled.
        public static var cancelled: Self { Self(kind: .cancelled) }

        /// JetStream refuses; ``NATSError/apiCode`` says why.
        public static var jetStream: Self { Self(kind: .jetStream) }
    }

    /// What kind of reason it is.
    public var code: Code

    /// What is wrong and what to do, in whole sentences.
    public var message: String

    /// JetStream's own number of the error, such as 10059 for a stream that isn't there.
    public var apiCode: Int?

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: What kind of reason it is.
    ///   - message: What is wrong and what to do, in whole sentences.
    ///   - apiCode: JetStream's own number of the error.
    public init(_ code: Code, _ message: String, apiCode: Int? = nil) {
        self.code = code
        self.message = message
        self.apiCode = apiCode
    }

    static let closed = NATSError(.closed, "The NATS client has been closed.")
    static let cancelled = NATSError(.cancelled, "The task was cancelled.")
    static let lost = NATSError(
        .connectionLost, "The connection to the NATS server was lost; what was sent may not have arrived.")
}

extension NATSError: CustomStringConvertible {
    /// The message, fit for a log line.
    public var description: String { message.printable(limit: 2000) }
}

extension NATSError {
    /// What a server's `-ERR` means.
    init(serverError raw: String) {
        let lowered = raw.lowercased()
        let text = raw.printable(limit: 200)
        func has(_ part: String) -> Bool { lowered.contains(part) }
        switch true {
        case has("permissions violation"):
            self.init(
                .permissionDenied, "The NATS server doesn't allow it: \(text). Check the user's permissions.")
        case has("authorization violation"), has("authentication"), has("user not allowed"):
            self.init(
                .authenticationFailed,
                "The NATS server refuses our credentials: \(text). Check user, password, token or credentials file."
            )
        case has("stale connection"):
            self.init(.staleConnection, "The NATS server has had no answer to its pings: \(text).")
        case has("slow consumer"):
            self.init(
                .slowConsumer, "The NATS server has cut the connection, which took messages too slowly.")
        case has("maximum payload"):
            self.init(.maximumPayload, "The NATS server has cut the connection: \(text).")
        case has("secure connection"), has("tls"):
            self.init(.insecure, "The NATS server wants TLS: \(text). Configure it, or use a tls:// address.")
        case has("unknown protocol"), has("parser error"):
            self.init(.protocolViolation, "The NATS server didn't understand us: \(text).")
        default: self.init(.serverError, "The NATS server reports: \(text).")
        }
    }

    /// The subject in quotes of a server's error, such as the one that may not be subscribed to.
    static func subject(in text: String) -> String? {
        let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
        return parts.count >= 3 ? String(parts[1]) : nil
    }
}
