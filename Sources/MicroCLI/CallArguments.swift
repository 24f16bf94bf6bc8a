internal import ArgumentParser
internal import Micro
internal import MicroCore

/// What `micro call` and `micro stream` are told.
struct CallArguments: ParsableArguments {
    @Argument(help: "The service's name, as 'micro services' lists it.", completion: .services)
    var service: String

    @Argument(
        help: "The endpoint, as 'micro get service' lists it: Type.Method, or /package.Type/Method.")
    var endpoint: String

    @Argument(help: ArgumentHelp("The request; - reads it from standard input.", valueName: "json"))
    var request = "{}"

    @Option(
        name: .customLong("metadata"),
        help: ArgumentHelp(
            "Metadata to send along; may be given several times. The value of a key that ends in -bin is Base64.",
            valueName: "key=value"))
    var metadata: [String] = []

    @Option(help: ArgumentHelp("The node to call, without asking the registry.", valueName: "host:port"))
    var address: String?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "How replies are printed: json is indented, raw is what came.", valueName: "json|raw"))
    var output = ReplyFormat.json

    @Option(
        name: [.customLong("request_timeout"), .customLong("request-timeout")],
        help: ArgumentHelp("How long the call may take, such as 300ms, 5s or 1m30s.", valueName: "duration"))
    var requestTimeout: String?
}

/// A call that is ready to be made.
struct PreparedCall: Sendable {
    let service: String
    let endpoint: String
    let message: Message
    let options: CallOptions
    let output: ReplyFormat
}

extension CallArguments {
    /// Checks everything and makes the call.
    ///
    /// - Parameters:
    ///   - global: The options of all commands.
    ///   - body: Makes the call and prints what comes.
    /// - Throws: The exit status, once the failure was reported.
    func perform(
        _ global: GlobalOptions,
        _ body: @escaping @Sendable (MicroClient, PreparedCall) async throws -> Void
    ) async throws {
        try await Session.reporting {
            let call = try prepared()
            // With an address nobody is looked up, so the registry isn't started either.
            let registry: (any Registry)? = address == nil ? nil : NoRegistry()
            try await Session.running(global.sources, registry: registry) { client in
                do {
                    try await body(client, call)
                } catch let error as MicroError where !Task.isCancelled {
                    throw CommandFailure(calling: call, error)
                }
            }
        }
    }

    private func prepared() throws -> PreparedCall {
        try EndpointText.check(endpoint)
        let options = CallOptions(
            timeout: try DurationText.parse(requestTimeout, option: "--request_timeout"),
            metadata: try MetadataText.parse(metadata), address: address)
        let json = request == "-" ? try StandardInput.read() : Array(request.utf8)
        do {
            try JSONLayout.check(json)
        } catch {
            throw CommandFailure("The request is not JSON: \(error).", .other)
        }
        return PreparedCall(
            service: service, endpoint: endpoint, message: Message(json), options: options, output: output)
    }
}
