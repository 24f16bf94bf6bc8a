import AcmeStore
import MicroCommands

/// `micro store`, to which any module may add commands.
struct StoreCommand: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "store", abstract: "Looks at stores.", subcommands: Command.linked(in: "store"))
    }
}

/// `micro store list`.
struct StoreListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the stores that this command is built with.")

    @OptionGroup var output: OutputOption

    func run() async throws {
        let format = output.format
        try await Session.reporting {
            let stores = Plugins.linked.plugins(of: PluginRole.store.name)
            try format.print(
                text: TextTable.aligned([["NAME", "MODULE"]] + stores.map { [$0.name, $0.module] }),
                json: .list(stores.map { .object([("name", .string($0.name))]) }))
        }
    }
}

/// `micro get store`, in a group of somebody else's.
struct GetStoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "store", abstract: "Shows a store.")

    @Argument(help: "The store's name.")
    var name: String

    func run() async throws {
        try await Session.reporting {
            let stores = Plugins.linked.plugins(of: PluginRole.store.name)
            guard let store = stores.first(where: { $0.name == name }) else {
                throw CommandFailure("There is no store \"\(Output.printable(name))\".", .usage)
            }
            try Output.write("\(store.name): \(store.summary)\n")
        }
    }
}

extension Plugin {
    /// `micro store`.
    public static var storeCommand: Self {
        Plugin(.command, "store") { _ in Command(StoreCommand.self) }
    }

    /// `micro store list`.
    public static var storeListCommand: Self {
        Plugin(.command, "store list") { _ in Command(StoreListCommand.self) }
    }

    /// `micro get store`.
    public static var getStoreCommand: Self {
        Plugin(.command, "get store") { _ in Command(GetStoreCommand.self) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .storeCommand }

@section("micro_plugins") @used
private let listRecord: PluginRecord = { .storeListCommand }

@section("micro_plugins") @used
private let getRecord: PluginRecord = { .getStoreCommand }
