internal import ArgumentParser
internal import MicroCore

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
            let plugins = Plugins.linked
            try plugins.checkUnique()
            try format.print(text: PluginTable.text(of: plugins), json: PluginTable.json(of: plugins))
        }
    }
}
