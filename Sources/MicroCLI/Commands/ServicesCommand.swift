internal import ArgumentParser
internal import Micro
internal import MicroCore

/// `micro services`, and `micro list services`.
struct ServicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "services",
        abstract: "Lists the services that run.",
        discussion: """
            Prints the names of all services that the registry knows, sorted, one on
            each line.

              micro services
              micro services --registry mdns
            """)

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await Session.run(global.sources) { client in
            let names = try await client.services()
            try Output.write(names.map { $0.printable() + "\n" }.joined())
        }
    }
}
