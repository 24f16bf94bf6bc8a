internal import Logging
import MicroCore

/// What all endpoints of a running service share.
final class ServiceEnvironment: Sendable {
    let identity: ServiceIdentity
    let client: MicroClient
    let overview: ServiceOverview
    let parts: PartSource

    /// What handlers publish with in place of the client.
    let publisher: (any EventPublisher)?

    /// The logger of the task that runs the service.
    ///
    /// The task of a call is the transport's and knows nothing of it.
    let logger: Logger

    init(
        overview: ServiceOverview, client: MicroClient, parts: PartSource, logger: Logger,
        publisher: (any EventPublisher)? = nil
    ) {
        self.identity = overview.identity
        self.client = client
        self.overview = overview
        self.parts = parts
        self.logger = logger
        self.publisher = publisher
    }

    /// What the contexts of tests are made of.
    convenience init(
        test service: ServiceIdentity, client: MicroClient?, publisher: (any EventPublisher)?,
        parts: [GivenPart], logger: Logger
    ) {
        var given = PartOverrides()
        for part in parts { part.use(&given) }
        self.init(
            overview: ServiceOverview(identity: service, endpoints: [], attachments: []),
            client: client ?? MicroClient(failing: "The context of this test has no client. Give it one."),
            parts: .test(given), logger: logger, publisher: publisher)
    }

    /// Turns whatever a handler or middleware threw into what travels to the caller.
    ///
    /// The text of an error that isn't meant for callers stays in the log, under a reference that the
    /// caller gets.
    func outcome(of error: any Error, endpoint: String, logger: @autoclosure () -> Logger) -> MicroError {
        if let error = error as? MicroError {
            return withoutCause(error, endpoint: endpoint, logger: logger)
        }
        if error is CancellationError { return MicroError(.cancelled, "The call was cancelled.") }
        let reference = Self.newReference()
        logger().error(
            "A handler failed.",
            metadata: [
                LogKeys.endpoint: "\(endpoint)", LogKeys.reference: "\(reference)",
                LogKeys.error: "\("\(error)".printable(limit: 2000))",
            ])
        return MicroError(
            id: identity.name, httpCode: 500, detail: "internal error (reference \(reference))")
    }

    /// Returns an error without its cause, which goes to the log: it is for nobody outside the process.
    private func withoutCause(
        _ error: MicroError, endpoint: String, logger: () -> Logger
    ) -> MicroError {
        guard let cause = error.cause else { return error }
        let isOurFault = [.internal, .unknown, .dataLoss].contains(error.status)
        logger().log(
            level: isOurFault ? .error : .info, "A call was answered with an error.",
            metadata: [
                LogKeys.endpoint: "\(endpoint)", LogKeys.error: "\(error)",
                LogKeys.cause: "\("\(cause)".printable(limit: 2000))",
            ])
        var answer = error
        answer.cause = nil
        return answer
    }

    /// Returns a short text by which a line of the log is found again.
    static func newReference() -> String {
        let number = UInt32.random(in: .min ... .max)
        let digits = String(number, radix: 16, uppercase: true)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
