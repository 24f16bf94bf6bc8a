internal import ArgumentParser
public import MicroCore

/// `micro list`.
struct ListCommand: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "list",
            abstract: "Lists what the registry knows.",
            discussion: "'micro list services' is the same as 'micro services'.",
            subcommands: Command.linked(in: "list"))
    }
}

extension Plugin {
    /// `micro list`.
    public static var listCommand: Self {
        Plugin(.command, "list") { _ in Command(ListCommand.self, position: 20) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .listCommand }
