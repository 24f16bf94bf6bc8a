import ArgumentParser
import MicroCore
import Testing

@testable import MicroCommands

private struct ProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "probe")
}

/// The commands of `micro` are those that are linked.
@Suite(.timeLimit(.minutes(2))) struct CommandTreeTests {
    private func plugin(_ name: String, position: Int = 500, module: String = "Acme") -> Plugin {
        Plugin(.command, name, fileID: "\(module)/Plugin.swift") { _ in
            Command(ProbeCommand.self, position: position)
        }
    }

    private func complaint(_ plugins: Plugin...) throws -> String? {
        let tree = try CommandTree(Plugins(plugins))
        return #expect(throws: StartError.self) { try tree.check(from: MicroCommand.self) }?.message
    }

    @Test func allOfThemAreFoundUnderTheirNames() throws {
        try CommandTree.linked.get().check(from: MicroCommand.self)
        let names = MicroCommand.configuration.subcommands.map { $0.configuration.commandName }
        #expect(
            names == [
                "services", "list", "get", "call", "stream", "publish", "subscribe", "health", "stats",
                "logs",
                "plugins", "settings", "version",
            ])
    }

    @Test func groupsHaveTheCommandsOfTheirName() throws {
        #expect(try MicroCommand.parseAsRoot(["get", "service", "x"]) is GetServiceCommand)
        #expect(try MicroCommand.parseAsRoot(["list", "services"]) is ServicesCommand)
        let tree = try CommandTree([plugin("store"), plugin("store probe"), plugin("store probe probe")])
        #expect(["", "store", "store probe", "probe"].map { tree.commands(in: $0).count } == [1, 1, 1, 0])
    }

    @Test func theirOptionsWithAValueAreKnown() async throws {
        let options = await ValuedOptions.linked()
        #expect(
            options.isSuperset(of: ["--registry", "--registry-address", "--queue", "-o", "-n", "--since"]))
        #expect(options.isDisjoint(with: ["--help", "-h", "--follow", "-f", "--version"]))
        let words = CommandWords(
            ["--queue", "q", "-f", "--since=5m", "subscribe", "--broker"], valued: options)
        #expect(words.positionals == ["subscribe"])
        #expect(words.values == ["queue": "q", "since": "5m"])
    }

    @Test func theyAreListedByPositionAndName() throws {
        let tree = try CommandTree([
            plugin("a", position: 600), plugin("d"), plugin("c"), plugin("b", position: 600), plugin("d a"),
        ])
        #expect(tree.names == ["c", "d", "d a", "a", "b"])
    }

    @Test func twoOfOneNameAreAnErrorThatNamesBothModules() throws {
        let error = #expect(throws: StartError.self) {
            try CommandTree([plugin("get probe"), plugin("hello"), plugin("get probe", module: "Other")])
        }
        #expect(error?.code == .duplicatePlugin)
        #expect(
            error?.message
                == "Two plugins are a command named \"get probe\": one in Acme and one in Other. Link only one of them."
        )
    }

    @Test func oneThatCanNotBeCalledIsAnErrorThatSaysWhy() throws {
        #expect(
            try complaint(plugin("hello"))
                == "The command \"hello\" of Acme can't be called: its configuration's commandName is \"probe\"."
        )
        #expect(
            try complaint(plugin("store probe"))
                == "The command \"store probe\" of Acme can't be called: nothing that is linked has a command \"store\"."
        )
        #expect(
            try complaint(plugin("get topic probe"))
                == "The command \"get topic probe\" of Acme can't be called: nothing that is linked has a command "
                + "\"get topic\".")
        #expect(
            try complaint(plugin("version probe"))
                == "The command \"version probe\" of Acme can't be called: \"version\" takes no commands of other "
                + "modules, which Command.linked(in:) returns.")
    }
}
