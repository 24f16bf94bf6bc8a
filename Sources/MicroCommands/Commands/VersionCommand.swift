internal import ArgumentParser
public import MicroCore

/// `micro version`.
struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Prints the version of this command.")

    @OptionGroup var output: OutputOption

    func run() async throws {
        let format = output.format
        try await Session.reporting {
            try format.print(
                text: "micro \(ToolVersion.text)\n", json: .object([("version", .string(ToolVersion.text))]))
        }
    }
}

extension Plugin {
    /// `micro version`.
    public static var versionCommand: Self {
        Plugin(.command, "version") { _ in Command(VersionCommand.self, position: 910) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .versionCommand }
