internal import MicroCore

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

    /// A call failed.
    init(calling call: PreparedCall, _ error: MicroError) {
        let json = String(decoding: error.json(), as: UTF8.self)
        self.init(
            "error calling \(PlainText.of(call.service)).\(PlainText.of(call.endpoint)): \(PlainText.of(json))",
            ExitStatus(error))
    }

    /// An event could not be published.
    init(publishingTo topic: String, _ error: MicroError) {
        let json = String(decoding: error.json(), as: UTF8.self)
        self.init("error publishing to \(PlainText.of(topic)): \(PlainText.of(json))", ExitStatus(error))
    }

    /// Something failed.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as StartError: self.init(PlainText.of(error.message), .framework)
        case let error as MicroError: self.init(PlainText.of(error.detail), ExitStatus(error))
        default: self.init(PlainText.of("\(error)"), .other)
        }
    }
}
