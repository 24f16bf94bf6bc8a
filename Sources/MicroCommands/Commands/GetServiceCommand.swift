internal import ArgumentParser
internal import Micro
public import MicroCore
internal import MicroWire

/// `micro get service`.
struct GetServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service",
        abstract: "Shows a service: versions, nodes and endpoints.",
        discussion: """
            For each version that runs: the nodes with their addresses and metadata,
            and the endpoints with the fields of their requests and responses. An
            unknown service ends with exit status 4. As JSON it is what the registry
            has, a record for each version.

              micro get service greeter
              micro get service greeter -o json
            """)

    @Argument(
        help: ArgumentHelp("The service's name, as 'micro services' lists it.", valueName: "name"),
        completion: .services)
    var name: String

    @OptionGroup var output: OutputOption
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let (name, format) = (name, output.format)
        try await Session.run(global) { client in
            let records = try await client.lookup(name)
            guard !records.isEmpty else { throw await CommandFailure(unknownService: name, client) }
            try format.print(
                text: ServiceText.of(records), json: .list(records.map { .text($0.json()) }))
        }
    }
}

extension Plugin {
    /// `micro get service`.
    public static var getServiceCommand: Self {
        Plugin(.command, "get service") { _ in Command(GetServiceCommand.self, position: 10) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .getServiceCommand }
