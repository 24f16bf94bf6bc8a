internal import MicroCore

/// What an error of etcd means for what to do next.
enum EtcdFault {
    /// Neither trying again nor another member helps.
    case final

    /// The token is unknown or too old: a new one is needed.
    case staleToken

    /// The member, or the way to it, can't be used at the moment: another one may do.
    case member

    /// etcd has too much to do: the same again in a while.
    case busy

    /// etcd no longer has the revision.
    case compacted

    /// The lease is over.
    case leaseLost

    /// The answer is longer than we read.
    case tooLong

    /// Credentials, certificates or permissions: the configuration has to change.
    case refused

    init(_ error: MicroError) {
        if error.isSecurityFailure {
            self = .refused
            return
        }
        switch error.status {
        case .unauthenticated: self = .staleToken
        case .invalidArgument where error.detail.contains("revision of auth store is old"): self = .staleToken
        case .invalidArgument where Self.credentials.contains(where: error.detail.contains): self = .refused
        case .permissionDenied: self = .refused
        case .unavailable, .deadlineExceeded, .cancelled: self = .member
        case .resourceExhausted where error.detail.contains("too many requests"): self = .busy
        case .resourceExhausted where !error.detail.contains("etcdserver"): self = .tooLong
        case .outOfRange where error.detail.contains("compacted"): self = .compacted
        case .notFound where error.detail.contains("lease not found"): self = .leaseLost
        default: self = .final
        }
    }

    private static let credentials = ["authentication failed", "user name is empty", "user name not found"]
}
