internal import ArgumentParser
internal import MicroPluginKit

/// Says which command a user may have meant, when the arguments name one that doesn't exist.
enum CommandSuggestion {
    /// Finds the command that is meant.
    ///
    /// - Parameter arguments: All arguments of the command line.
    /// - Returns: A question for the user; `nil` if the commands exist, or none is near.
    static func question(_ arguments: [String]) async -> String? {
        var path = ["micro"]
        var command: any ParsableCommand.Type = MicroCommand.self
        let words = CommandWords(arguments, valued: await ValuedOptions.linked())
        for word in words.positionals {
            let subcommands = command.configuration.subcommands
            guard !subcommands.isEmpty else { return nil }
            if let next = subcommands.first(where: { name(of: $0) == word }) {
                command = next
                path.append(word)
                continue
            }
            var meant = NearestName.find(word, among: subcommands.map(name))
            if meant == nil, subcommands.count == 1, let only = subcommands.first {
                // `micro get greeter` leaves out the word that there is no choice about.
                meant = name(of: only) + (await takes(only, word) ? " \(word)" : "")
            }
            return meant.map { "Did you mean '\((path + [$0]).joined(separator: " "))'?" }
        }
        return nil
    }

    /// Whether a command could be called with a word and nothing else.
    private static func takes(_ command: any ParsableCommand.Type, _ word: String) async -> Bool {
        guard let command = command as? any AsyncParsableCommand.Type else {
            return (try? command.parse([word])) != nil
        }
        return (try? await command.asyncParse([word])) != nil
    }

    private static func name(of command: any ParsableCommand.Type) -> String {
        command.configuration.commandName ?? ""
    }
}
