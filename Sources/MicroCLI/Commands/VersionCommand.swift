internal import ArgumentParser

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

/// The version of the package.
enum ToolVersion {
    static let text = "0.1.0"
}
