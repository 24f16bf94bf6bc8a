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
              micro services -o json | jq -r '.[].name'
            """)

    @OptionGroup var output: OutputOption
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let format = output.format
        try await Session.run(global) { client in
            let names = try await client.services()
            try format.print(
                text: names.map { $0.printable() + "\n" }.joined(),
                json: .list(names.map { .object([("name", .string($0))]) }))
        }
    }
}
