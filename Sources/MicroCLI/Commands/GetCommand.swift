internal import ArgumentParser

/// `micro get`.
struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Shows one thing of the registry.",
        discussion: "'micro get service NAME' shows a service.",
        subcommands: [GetServiceCommand.self])
}
