internal import MicroCore

extension EtcdError {
    init(_ error: MicroError) {
        self.init(Code(error), error.detail, status: error.status, processed: error.processed)
    }

    /// Does what throws errors of calls, and translates them.
    static func translating<Value>(
        _ body: () async throws(MicroError) -> Value
    ) async throws(EtcdError) -> Value {
        do throws(MicroError) {
            return try await body()
        } catch {
            throw EtcdError(error)
        }
    }
}

extension EtcdError.Code {
    init(_ error: MicroError) {
        switch EtcdFault(error) {
        case .refused, .staleToken: self = .accessDenied
        case .compacted: self = .compacted
        case .leaseLost: self = .leaseNotFound
        case .tooLong: self = .tooLarge
        case .member, .busy, .final:
            switch error.status {
            case .cancelled: self = .cancelled
            case .deadlineExceeded: self = .timeout
            case .unavailable: self = .unavailable
            case .internal: self = .invalidAnswer
            default: self = .refused
            }
        }
    }
}
