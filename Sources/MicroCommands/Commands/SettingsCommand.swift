internal import ArgumentParser
internal import FoundationEssentials
internal import Micro
public import MicroCore

/// `micro settings`.
struct SettingsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings",
        abstract: "Lists what can be set, what is set, and where that comes from.",
        discussion: """
            These are the settings of services and clients with the plugins that this
            command is built with, as the environment and the file of
            MICRO_CONFIG_FILE have them. A service prints its own with --help.
            With a part of a variable's name, such as "drain" or "registry", what the
            settings take and mean is printed as well. Secrets are not shown.
            """)

    @Argument(help: "A part of the variables' names.")
    var name: String?

    @OptionGroup var output: OutputOption

    func run() async throws {
        let (format, name) = (output.format, name)
        try await Session.reporting {
            let sources = ConfigurationSources(environment: ProcessInfo.processInfo.environment)
            let report = try SettingReport(sources, plugins: .linked)
            let groups = SettingTable.groups(report, named: name)
            guard !groups.isEmpty else {
                throw CommandFailure(
                    "No setting's name has \"\((name ?? "").printable())\" in it.", .notFound)
            }
            let text = name == nil ? SettingTable.text(of: groups) : SettingTable.details(of: groups)
            try format.print(text: text, json: SettingTable.json(of: groups))
        }
    }
}

extension Plugin {
    /// `micro settings`.
    public static var settingsCommand: Self {
        Plugin(.command, "settings") { _ in Command(SettingsCommand.self, position: 910) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .settingsCommand }
