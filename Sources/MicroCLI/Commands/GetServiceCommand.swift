internal import ArgumentParser
internal import Micro

/// `micro get service`.
struct GetServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service",
        abstract: "Shows a service: versions, nodes and endpoints.",
        discussion: """
            For each version that runs: the nodes with their addresses and metadata,
            and the endpoints with the fields of their requests and responses. An
            unknown service ends with exit status 4.

              micro get service greeter
            """)

    @Argument(
        help: ArgumentHelp("The service's name, as 'micro services' lists it.", valueName: "name"),
        completion: .services)
    var name: String

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await Session.run(global.sources) { client in
            let records = try await client.lookup(name)
            guard !records.isEmpty else { throw CommandFailure("Service not found", .notFound) }
            try Output.write(ServiceText.of(records))
        }
    }
}
