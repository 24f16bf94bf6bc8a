internal import ArgumentParser
internal import Micro
public import MicroCore

/// `micro call`.
struct CallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call",
        abstract: "Calls an endpoint of a service and prints its reply.",
        discussion: """
            The request is JSON, and so is the reply, with its keys in the order in
            which they came.

              micro call greeter Greeter.Hello '{"name": "John"}'
              echo '{"name": "John"}' | micro call greeter Greeter.Hello -
              micro call greeter Greeter.Hello '{}' --address 127.0.0.1:9090
              micro call greeter Greeter.Hello '{}' --request_timeout 1s
              micro call greeter Greeter.Hello '{}' --metadata tenant=blue

            A field that the registry doesn't know of the endpoint is taken for a
            mistake, and nothing is sent, unless --allow-unknown-fields is given. What
            --address calls is not looked up, and so not checked.

            If the call fails, one line on standard error has the error's id, code,
            detail and status, and the exit status says what kind it was; see
            'micro --help'.
            """)

    @OptionGroup var call: CallArguments
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let arguments = call
        try await call.perform(global) { client, call, description in
            guard description?.isStreaming(call.endpoint) != true else { throw Self.streaming(call) }
            let json =
                arguments.readsStandardInput ? try StandardInput().read() : Array(arguments.request.utf8)
            let message = try call.message(json, description)
            do {
                let reply = try await client.callRaw(
                    call.service, call.endpoint, message: message, contentSubtype: "json",
                    options: call.options)
                try call.output.print(reply.message.bytes)
            } catch let error as MicroError where Self.hadAnotherNumberOfReplies(error) {
                throw Self.streaming(call)
            }
        }
    }

    /// Whether an endpoint has answered with no message or with several: of an endpoint that was not looked up,
    /// this shows that it streams.
    private static func hadAnotherNumberOfReplies(_ error: MicroError) -> Bool {
        error.status == .unimplemented && error.detail.hasSuffix("and the call takes one.")
    }

    private static func streaming(_ call: PreparedCall) -> CommandFailure {
        let (service, endpoint) = (call.service.printable(), call.endpoint.printable())
        let address = call.options.address.map { " --address \($0.printable())" } ?? ""
        return CommandFailure(
            "\(endpoint) is a streaming endpoint. Call it with: micro stream \(service) \(endpoint) …\(address)",
            .usage)
    }
}

extension Plugin {
    /// `micro call`.
    public static var callCommand: Self {
        Plugin(.command, "call") { _ in Command(CallCommand.self, position: 40) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .callCommand }
