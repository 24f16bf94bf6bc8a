internal import ArgumentParser
internal import Micro
internal import MicroCore

/// `micro stream`.
struct StreamCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stream",
        abstract: "Calls a streaming endpoint and prints its replies as they come.",
        discussion: """
            Sends one request and prints every reply until the service ends the
            stream, or until Ctrl-C. There is no limit of time unless
            --request_timeout sets one.

              micro stream clock Clock.Ticks '{"count": 3}'
              micro stream clock Clock.Ticks -o raw | head -n 1
            """)

    @OptionGroup var call: CallArguments
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await call.perform(global) { client, call in
            try await client.streamRaw(
                call.service, call.endpoint, contentSubtype: "json", options: call.options
            ) { stream in
                try await stream.send(call.message)
                // The service may have ended the call already; reading tells how, behind its replies.
                try? await stream.finish()
                while let reply = try await stream.receive() {
                    try call.output.printLine(reply.bytes)
                }
            }
        }
    }
}
