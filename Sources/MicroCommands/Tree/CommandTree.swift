internal import ArgumentParser
internal import FoundationEssentials
internal import MicroCore

/// The commands of a catalogue of plugins, by the words with which they are called.
struct CommandTree: Sendable {
    private struct Entry: Sendable {
        let words: [String]
        let module: String
        let command: Command

        var name: String { words.joined(separator: " ") }
        var group: String { words.dropLast().joined(separator: " ") }
    }

    private let entries: [Entry]

    /// The commands that the program links, or why they can't be used.
    static let linked = Result { try CommandTree(.linked) }

    /// Makes the commands of a catalogue.
    ///
    /// - Parameter plugins: The catalogue; plugins of other roles are left out.
    /// - Throws: A ``StartError`` if two commands have one name, or what a plugin throws.
    init(_ plugins: Plugins) throws {
        let plugins = plugins.plugins(of: PluginRole.command.name)
        try Plugins(plugins).checkUnique()
        let settings = Settings(variables: ProcessInfo.processInfo.environment)
        let identity = ServiceIdentity(name: "micro", version: ToolVersion.text, nodeID: "")
        entries = try plugins.map { plugin in
            // A command reads what its plugin declares, as a part does.
            let context = PluginContext(
                scoped: settings.scoped(to: plugin.role, member: nil, declared: plugin.settings),
                role: plugin.role, service: identity, resolver: { _ in nil })
            return Entry(
                words: plugin.name.split(separator: " ").map(String.init), module: plugin.module,
                command: try plugin.make(as: .command, context: context))
        }
        .sorted { ($0.command.position, $0.name) < ($1.command.position, $1.name) }
    }

    /// The words with which each command is called, in the order in which they are listed.
    var names: [String] { entries.map(\.name) }

    /// Returns the commands of a group, as they are listed.
    ///
    /// - Parameter group: The words with which the group is called; empty for the root.
    /// - Returns: The commands.
    func commands(in group: String) -> [any ParsableCommand.Type] {
        entries.filter { $0.group == group }.map(\.command.type)
    }

    /// Checks that each command is found under its plugin's name.
    ///
    /// - Parameter root: The command that the words are given to.
    /// - Throws: A ``StartError`` that says which command is not found, and why.
    func check(from root: any ParsableCommand.Type) throws(StartError) {
        for entry in entries { try check(entry, from: root) }
    }

    private func check(_ entry: Entry, from root: any ParsableCommand.Type) throws(StartError) {
        var command = root
        for (position, word) in entry.words.enumerated() {
            let next = command.configuration.subcommands.first { $0.configuration.commandName == word }
            guard let next else {
                throw StartError(
                    .unknownPlugin,
                    "The command \"\(entry.name)\" of \(entry.module) can't be called: "
                        + reason(entry, missing: position))
            }
            command = next
        }
    }

    /// Says why a word of a command leads nowhere.
    private func reason(_ entry: Entry, missing position: Int) -> String {
        guard position == entry.words.count - 1 else {
            let group = entry.words[...position].joined(separator: " ")
            return "nothing that is linked has a command \"\(group)\"."
        }
        let name = entry.command.type.configuration.commandName
        guard name == entry.words[position] else {
            return "its configuration's commandName is \(name.map { "\"\($0)\"" } ?? "not set")."
        }
        return "\"\(entry.group)\" takes no commands of other modules, which Command.linked(in:) returns."
    }
}
