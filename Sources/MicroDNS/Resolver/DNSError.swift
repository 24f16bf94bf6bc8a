/// A reason why a name can't be resolved.
///
/// A name that doesn't exist is no error: its answer is empty, and holds for a while like any other.
public struct DNSError: Error, Hashable, Sendable {
    /// What kind of reason it is.
    public struct Code: Hashable, Sendable {
        private enum Kind {
            case invalidName, invalidConfiguration, timeout, cancelled, serverFailure, invalidAnswer
        }

        private let kind: Kind

        /// The text is no name of DNS.
        public static var invalidName: Self { Self(kind: .invalidName) }

        /// There is no server to ask.
        public static var invalidConfiguration: Self { Self(kind: .invalidConfiguration) }

        /// No server has answered in time.
        public static var timeout: Self { Self(kind: .timeout) }

        /// The task was cancelled.
        public static var cancelled: Self { Self(kind: .cancelled) }

        /// The servers can't be reached, or can't or don't want to answer.
        public static var serverFailure: Self { Self(kind: .serverFailure) }

        /// The answer makes no sense, such as names that stand for each other.
        public static var invalidAnswer: Self { Self(kind: .invalidAnswer) }
    }

    /// What kind of reason it is.
    public var code: Code

    /// What is wrong, where, and what to do.
    public var message: String

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: What kind of reason it is.
    ///   - message: What is wrong, where, and what to do.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    static let cancelled = DNSError(.cancelled, "The task was cancelled.")
}

extension DNSError: CustomStringConvertible {
    /// The message.
    public var description: String { message }
}
