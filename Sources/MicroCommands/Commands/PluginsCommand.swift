internal import ArgumentParser
public import MicroCore

/// `micro plugins`.
struct PluginsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugins",
        abstract: "Lists the plugins that this command is built with.",
        discussion: """
            For each plugin: what it stands for, the names by which MICRO_REGISTRY
            and its like choose it, the module that has it, and a star if it is
            taken, or goes first, when nothing is chosen.
            """)

    @OptionGroup var output: OutputOption

    func run() async throws {
        let format = output.format
        try await Session.reporting {
            // The commands are in the help.
            let plugins = Plugins(Plugins.linked.all.filter { $0.role != PluginRole.command.name })
            try plugins.checkUnique()
            try format.print(text: PluginTable.text(of: plugins), json: PluginTable.json(of: plugins))
        }
    }
}

extension Plugin {
    /// `micro plugins`.
    public static var pluginsCommand: Self {
        Plugin(.command, "plugins") { _ in Command(PluginsCommand.self, position: 900) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .pluginsCommand }
