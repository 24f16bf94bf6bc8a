import MicroCommands

/// A command whose name is taken: `micro` says so, and which two modules have it.
struct Version: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version")
}

extension Plugin {
    static var clashingCommand: Self { Plugin(.command, "version") { _ in Command(Version.self) } }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .clashingCommand }
