internal import Micro
internal import MicroCore
internal import MicroWire

/// Why a command failed: a line for standard error, and an exit status.
public struct CommandFailure: Error {
    /// What to tell the user; nothing where they know.
    public let message: String?

    /// How the program ends.
    public let status: ExitStatus

    /// Creates a failure.
    ///
    /// - Parameters:
    ///   - message: What to tell the user: what was wrong, where, and what to do. Text from outside is made one line
    ///     before, by ``Output/printable(_:limit:)``.
    ///   - status: How the program ends.
    public init(_ message: String?, _ status: ExitStatus) {
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

    /// An event could not be published.
    init(publishingTo topic: String, _ error: MicroError) {
        self.init("error publishing to \(topic.printable()): \(Self.json(of: error))", ExitStatus(error))
    }

    /// An error as JSON on one line, which a script can read.
    static func json(of error: MicroError) -> String {
        String(decoding: JSONEscapes.applied(to: error.json()), as: UTF8.self)
    }

    /// Creates the failure that an error stands for.
    ///
    /// - Parameter error: What something threw: a ``MicroError`` or ``StartError`` keeps its own words.
    public init(_ error: any Error) {
        let textLimit = 4096
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as StartError: self.init(error.message.printable(limit: textLimit), .framework)
        case let error as MicroError: self.init(error.detail.printable(limit: textLimit), ExitStatus(error))
        default: self.init("\(error)".printable(limit: textLimit), .other)
        }
    }
}
