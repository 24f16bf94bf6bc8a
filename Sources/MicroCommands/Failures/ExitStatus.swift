public import MicroCore

/// How the command ends, for scripts to tell failures apart.
public struct ExitStatus: Hashable, Sendable {
    /// The status that the system gets.
    public let rawValue: Int32

    private init(_ rawValue: Int32) { self.rawValue = rawValue }

    /// The call took too long.
    public static let timedOut = Self(1)
    /// The service doesn't know, or doesn't want, the caller.
    public static let unauthorized = Self(2)
    /// The endpoint has no usable form.
    public static let malformedMethod = Self(3)
    /// There is no such service, or it can't be reached.
    public static let notFound = Self(4)
    /// The service has no such endpoint.
    public static let unknownMethod = Self(5)
    /// What was written on the command line can't be done.
    public static let usage = Self(64)
    /// Another error of a call, or one of the configuration.
    public static let framework = Self(127)
    /// Anything else.
    public static let other = Self(128)

    /// The command was ended by a signal.
    init(signal: Int32) { rawValue = 128 + signal }

    /// Creates the status for the outcome of a call.
    ///
    /// - Parameter error: The outcome.
    public init(_ error: MicroError) {
        // The client reports in go-micro's words that the registry has no node; the service has another id.
        let isOurs = error.id == "go.micro.client"
        let hasNoNode = error.detail.hasSuffix(": not found") || error.detail.contains(": none available")
        self =
            switch error.status {
            case _ where error.httpCode == 401: .unauthorized
            case _ where error.httpCode == 408: .timedOut
            case _ where error.detail.contains("malformed method"): .malformedMethod
            case _ where isOurs && hasNoNode: .notFound
            case .unavailable: .notFound
            case .unimplemented: .unknownMethod
            default: .framework
            }
    }
}
