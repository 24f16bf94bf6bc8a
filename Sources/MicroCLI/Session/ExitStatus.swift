internal import MicroCore

/// How the command ends, for scripts to tell failures apart.
struct ExitStatus: Hashable, Sendable {
    let rawValue: Int32

    private init(_ rawValue: Int32) { self.rawValue = rawValue }

    /// The call took too long.
    static let timedOut = Self(1)
    /// The service doesn't know, or doesn't want, the caller.
    static let unauthorized = Self(2)
    /// The endpoint has no usable form.
    static let malformedMethod = Self(3)
    /// There is no such service, or it can't be reached.
    static let notFound = Self(4)
    /// The service has no such endpoint.
    static let unknownMethod = Self(5)
    /// What was written on the command line can't be done.
    static let usage = Self(64)
    /// Another error of a call, or one of the configuration.
    static let framework = Self(127)
    /// Anything else.
    static let other = Self(128)

    /// The command was ended by a signal.
    init(signal: Int32) { rawValue = 128 + signal }

    /// The status for the outcome of a call.
    init(_ error: MicroError) {
        // The client reports in go-micro's words that the registry has no node; the service has another id.
        let isOurs = error.id == "go.micro.client"
        let hasNoNode = error.detail.hasSuffix(": not found") || error.detail.contains(": none available")
        self =
            switch error.rpcStatus {
            case _ where error.code == 401: .unauthorized
            case _ where error.code == 408: .timedOut
            case _ where error.detail.contains("malformed method"): .malformedMethod
            case _ where isOurs && hasNoNode: .notFound
            case .unavailable: .notFound
            case .unimplemented: .unknownMethod
            default: .framework
            }
    }
}
