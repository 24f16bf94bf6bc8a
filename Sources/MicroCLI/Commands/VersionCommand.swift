internal import ArgumentParser

/// `micro version`.
struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Prints the version of this command.")

    func run() async throws {
        try await Session.reporting { try Output.write("micro \(ToolVersion.text)\n") }
    }
}

/// The version of the package.
enum ToolVersion {
    static let text = "0.1.0"
}
