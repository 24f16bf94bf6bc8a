internal import ArgumentParser

/// `micro list`.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists what the registry knows.",
        discussion: "'micro list services' is the same as 'micro services'.",
        subcommands: [ServicesCommand.self])
}
