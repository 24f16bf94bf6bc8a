import MicroCommands

/// `micro hello`.
struct HelloCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hello", abstract: "Greets, and counts the services that run.")

    @Argument(help: "Whom to greet.")
    var name: String

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let name = name
        try await Session.run(global) { client in
            guard name != "nobody" else { throw CommandFailure("Nobody is there.", .notFound) }
            let count = try await client.services().count
            try Output.write("Hello, \(Output.printable(name)): \(count) services run.\n")
        }
    }
}

extension Plugin {
    /// `micro hello`.
    public static var helloCommand: Self {
        Plugin(.command, "hello") { _ in Command(HelloCommand.self) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .helloCommand }
