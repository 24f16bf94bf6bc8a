internal import ArgumentParser
internal import Micro
public import MicroCore

/// `micro services`, and `micro list services`.
struct ServicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "services",
        abstract: "Lists the services that run.",
        discussion: """
            Prints the names of all services that the registry knows, sorted, one on
            each line. If the registry says that there may be more, a line on
            standard error says so, which is no failure.

              micro services
              micro services --registry mdns
              micro services -o json | jq -r '.[].name'
            """)

    @OptionGroup var output: OutputOption
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let format = output.format
        try await Session.run(global) { client in
            let names = try await CallerWarnings.shown { try await client.services() }
            try format.print(
                text: names.map { $0.printable() + "\n" }.joined(),
                json: .list(names.map { .object([("name", .string($0))]) }))
        }
    }
}

extension Plugin {
    /// `micro services`.
    public static var servicesCommand: Self {
        Plugin(.command, "services") { _ in Command(ServicesCommand.self, position: 10) }
    }

    /// `micro list services`, which is the same.
    public static var listServicesCommand: Self {
        Plugin(.command, "list services") { _ in Command(ServicesCommand.self, position: 10) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .servicesCommand }

@section("micro_plugins") @used
private let listRecord: PluginRecord = { .listServicesCommand }
