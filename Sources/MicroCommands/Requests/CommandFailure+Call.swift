internal import Micro
internal import MicroCore

extension CommandFailure {
    /// A call failed.
    ///
    /// - Parameters:
    ///   - call: The call.
    ///   - error: Its outcome.
    ///   - description: What the registry knows of the service.
    ///   - client: Asks the registry for other services.
    init(
        calling call: PreparedCall, _ error: MicroError, _ description: ServiceDescription?,
        _ client: MicroClient
    ) async {
        let status = ExitStatus(error)
        var question = ""
        switch status {
        case .unknownMethod: question = description?.question(endpoint: call.endpoint) ?? ""
        case .notFound: question = await description?.question(service: call.service, client) ?? ""
        default: break
        }
        self.init(Self.text(calling: call, error) + question, status)
    }

    /// The line that tells how a call failed.
    static func text(calling call: PreparedCall, _ error: MicroError) -> String {
        "error calling \(call.service.printable()).\(call.endpoint.printable()): \(json(of: error))"
    }
}
