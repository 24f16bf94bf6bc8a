internal import Micro
internal import MicroCore
internal import MicroWire

/// Why a command failed: a line for standard error, and an exit status.
struct CommandFailure: Error {
    /// What to tell the user; nothing where they know.
    let message: String?
    let status: ExitStatus

    init(_ message: String?, _ status: ExitStatus) {
        self.message = message
        self.status = status
    }

    /// The command was told to stop.
    init(signal: Int32) { self.init(nil, ExitStatus(signal: signal)) }

    /// The registry has no such service.
    init(unknownService name: String, _ client: MicroClient) async {
        // Whatever the registry can't tell now, the service is not found.
        let names = (try? await client.services()) ?? []
        self.init("Service not found" + Suggestion.question(name, among: names), .notFound)
    }

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

    /// An event could not be published.
    init(publishingTo topic: String, _ error: MicroError) {
        self.init("error publishing to \(topic.printable()): \(Self.json(of: error))", ExitStatus(error))
    }

    /// An error as JSON on one line, which a script can read.
    private static func json(of error: MicroError) -> String {
        String(decoding: JSONEscapes.applied(to: error.json()), as: UTF8.self)
    }

    /// Something failed.
    init(_ error: any Error) {
        let textLimit = 4096
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as StartError: self.init(error.message.printable(limit: textLimit), .framework)
        case let error as MicroError: self.init(error.detail.printable(limit: textLimit), ExitStatus(error))
        default: self.init("\(error)".printable(limit: textLimit), .other)
        }
    }
}
