public import MicroCore

/// A reason why something can't be done with etcd.
///
/// The message says which member failed, why, and what to do.
public struct EtcdError: Error, Hashable, Sendable {
    /// What kind of reason it is.
    public struct Code: Hashable, Sendable {
        private enum Kind {
            case unavailable, timeout, cancelled, accessDenied, compacted, leaseNotFound, tooLarge
            case invalidAnswer, refused
        }

        private let kind: Kind

        /// No member can be reached, or those that can have no leader.
        public static var unavailable: Self { Self(kind: .unavailable) }

        /// It took too long.
        public static var timeout: Self { Self(kind: .timeout) }

        /// The task was cancelled.
        public static var cancelled: Self { Self(kind: .cancelled) }

        /// Credentials, certificates or permissions: the configuration, or the rights of the user, must change.
        public static var accessDenied: Self { Self(kind: .accessDenied) }

        /// The revision was compacted, or belongs to data that the cluster no longer has: what changed since
        /// isn't known, so everything has to be read again.
        public static var compacted: Self { Self(kind: .compacted) }

        /// The lease has expired or was revoked.
        public static var leaseNotFound: Self { Self(kind: .leaseNotFound) }

        /// The answer is larger than is read.
        ///
        /// Ask for less at once.
        public static var tooLarge: Self { Self(kind: .tooLarge) }

        /// The answer makes no sense.
        public static var invalidAnswer: Self { Self(kind: .invalidAnswer) }

        /// etcd refuses the request for another reason, which the message has.
        public static var refused: Self { Self(kind: .refused) }
    }

    /// What kind of reason it is.
    public var code: Code

    /// What is wrong, where, and what to do.
    public var message: String

    /// The status of gRPC that etcd answered with, or that corresponds to what the client met.
    public var status: RPCStatus

    /// Whether etcd may have done what it was asked for.
    public var processed: MicroError.Processed

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: What kind of reason it is.
    ///   - message: What is wrong, where, and what to do.
    ///   - status: The status of gRPC that corresponds to it.
    ///   - processed: Whether etcd may have done what it was asked for.
    public init(
        _ code: Code, _ message: String, status: RPCStatus, processed: MicroError.Processed = .maybe
    ) {
        self.code = code
        self.message = message
        self.status = status
        self.processed = processed
    }
}

extension EtcdError: CustomStringConvertible {
    /// The message, fit for a log line.
    public var description: String { message.printable(limit: 2000) }
}

extension MicroError {
    /// Takes an error of etcd for the outcome of a call.
    ///
    /// - Parameter error: The error.
    public init(_ error: EtcdError) {
        self.init(error.status, error.message, processed: error.processed)
    }
}
