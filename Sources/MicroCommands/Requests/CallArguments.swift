internal import ArgumentParser
internal import Micro
internal import MicroCore

/// What `micro call` and `micro stream` are told.
struct CallArguments: ParsableArguments {
    @Argument(help: "The service's name, as 'micro services' lists it.", completion: .services)
    var service: String

    @Argument(
        help: "The endpoint, as 'micro get service' lists it: Type.Method, or /package.Type/Method.",
        completion: .endpoints)
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

    @Flag(
        name: .customLong("allow-unknown-fields"),
        help: "Send fields and names of enumerations that the registry doesn't know of the endpoint.")
    var allowsUnknownFields = false
}

/// A call that is ready to be made.
struct PreparedCall: Sendable {
    let service: String
    let endpoint: String
    let options: CallOptions
    let output: ReplyFormat
    let allowsUnknownFields: Bool
}

extension CallArguments {
    /// Whether the request comes from standard input.
    var readsStandardInput: Bool { request == "-" }

    /// Checks everything and makes the call.
    ///
    /// - Parameters:
    ///   - global: The options of all commands.
    ///   - body: Makes the call and prints what comes. It is given what the registry knows of the service,
    ///     nothing if the user gave an address or a proxy.
    /// - Throws: The exit status, once the failure was reported.
    func perform(
        _ global: GlobalOptions,
        _ body: @escaping @Sendable (MicroClient, PreparedCall, ServiceDescription?) async throws -> Void
    ) async throws {
        try await Session.reporting {
            let call = try prepared()
            // With an address nobody is looked up, so the registry isn't started either.
            let registry: (any Registry)? = address == nil ? nil : NoRegistry()
            let sources = try global.sources()
            // A proxy finds the service in a registry that may be another.
            let isDescribed = registry == nil && sources.environment["MICRO_PROXY"] == nil
            try await Session.running(sources, registry: registry) { client in
                var description: ServiceDescription?
                do {
                    if isDescribed {
                        description = try await ServiceDescription(
                            of: call.service, client, within: call.options.timeout)
                    }
                    try await body(client, call, description)
                } catch let error as MicroError where !Task.isCancelled {
                    throw await CommandFailure(calling: call, error, description, client)
                }
            }
        }
    }

    private func prepared() throws(CommandFailure) -> PreparedCall {
        try EndpointText.check(endpoint)
        try AddressText.check(address)
        let options = CallOptions(
            timeout: try DurationText.parse(requestTimeout, option: "--request_timeout"),
            metadata: try MetadataText.parse(metadata), address: address)
        return PreparedCall(
            service: service, endpoint: endpoint, options: options, output: output,
            allowsUnknownFields: allowsUnknownFields)
    }
}

extension PreparedCall {
    /// Checks a request and makes a message of it.
    ///
    /// - Parameters:
    ///   - json: The request as the user wrote it.
    ///   - description: What the registry knows of the service.
    /// - Returns: The message.
    /// - Throws: A failure if it is not JSON, or has what the endpoint doesn't know.
    func message(_ json: [UInt8], _ description: ServiceDescription?) throws(CommandFailure) -> EncodedMessage
    {
        do {
            try JSONLayout.check(json)
        } catch {
            throw CommandFailure("The request is not JSON: \(error).", .usage)
        }
        if !allowsUnknownFields { try description?.check(json, for: endpoint) }
        return EncodedMessage(json)
    }
}
