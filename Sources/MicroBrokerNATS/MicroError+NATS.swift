internal import MicroCore
internal import MicroNATS

extension MicroError {
    /// What a failure of NATS means to a publisher or subscriber.
    init(_ error: NATSError) {
        let isUnknown = error.code == .connectionLost || error.code == .timeout
        let status: RPCStatus =
            switch error.code {
            case .invalidSubject, .invalidHeader, .payloadTooLarge: .invalidArgument
            case .permissionDenied: .permissionDenied
            case .authenticationFailed, .invalidCredentials: .unauthenticated
            case .cancelled: .cancelled
            default: .unavailable
            }
        self.init(status, error.message, processed: isUnknown ? .maybe : .no)
    }
}

extension StartError {
    /// What a failure of NATS means to a start.
    init(_ error: NATSError) {
        let code: StartError.Code =
            switch error.code {
            case .authenticationFailed, .invalidCredentials, .insecure, .permissionDenied: .security
            case .invalidAddress, .invalidSubject: .invalidConfiguration
            default: .unavailable
            }
        self.init(code, error.message)
    }
}
