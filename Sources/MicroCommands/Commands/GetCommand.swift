internal import ArgumentParser
public import MicroCore

/// `micro get`.
struct GetCommand: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "get",
            abstract: "Shows one thing of the registry.",
            discussion: "'micro get service NAME' shows a service.",
            subcommands: Command.linked(in: "get"))
    }
}

extension Plugin {
    /// `micro get`.
    public static var getCommand: Self {
        Plugin(.command, "get") { _ in Command(GetCommand.self, position: 30) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .getCommand }
