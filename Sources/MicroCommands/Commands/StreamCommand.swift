internal import ArgumentParser
internal import Micro
public import MicroCore

/// `micro stream`.
struct StreamCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stream",
        abstract: "Calls a streaming endpoint and prints its replies as they come.",
        discussion: """
            Sends one request, or with - each JSON value of standard input as soon as
            its line is complete, and prints every reply until the service ends the
            stream, or until Ctrl-C. There is no limit of time unless
            --request_timeout sets one.

              micro stream clock Clock.Ticks '{"count": 3}'
              jq -c '.[]' numbers.json | micro stream adder Adder.Sum -
              micro stream clock Clock.Ticks -o raw | head -n 1
            """)

    @OptionGroup var call: CallArguments
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let arguments = call
        try await call.perform(global) { client, call, description in
            let first =
                arguments.readsStandardInput
                ? nil : try call.message(Array(arguments.request.utf8), description)
            try await client.streamRaw(
                call.service, call.endpoint, contentSubtype: "json", options: call.options
            ) { stream in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    // Sends until the requests end or the group is cancelled, while replies are read below. A
                    // request that can't be sent ends the command.
                    group.addTask {
                        try await Self.send(first, call, description, to: stream)
                    }
                    group.addTask {
                        while let reply = try await stream.receive() {
                            try call.output.printLine(reply.bytes)
                        }
                        throw StreamEnd()
                    }
                    do {
                        // The first failure ends the group; waiting for all of it would wait for the others.
                        while try await group.next() != nil {}
                    } catch is StreamEnd {
                        // The service has ended the call; it has no use for further requests.
                        group.cancelAll()
                    }
                }
            }
        }
    }

    private static func send(
        _ first: EncodedMessage?, _ call: PreparedCall, _ description: ServiceDescription?,
        to stream: any ClientCallStream
    ) async throws {
        do {
            if let first {
                try await stream.send(first)
            } else {
                for try await json in StandardInput().values() {
                    try await stream.send(try call.message(json, description))
                }
            }
            try await stream.finish()
        } catch is MicroError {
            // The service may have ended the call already; reading tells how, behind its replies.
        }
    }
}

/// The service has ended a stream well.
private struct StreamEnd: Error {}

extension Plugin {
    /// `micro stream`.
    public static var streamCommand: Self {
        Plugin(.command, "stream") { _ in Command(StreamCommand.self, position: 50) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .streamCommand }
