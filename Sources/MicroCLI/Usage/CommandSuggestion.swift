internal import ArgumentParser

/// Says which command a user may have meant, when the arguments name one that doesn't exist.
enum CommandSuggestion {
    /// Returns a question for the user; `nil` if the commands exist, or none is near.
    ///
    /// - Parameter arguments: All arguments of the command line.
    static func question(_ arguments: [String]) -> String? {
        var path = ["micro"]
        var command: any ParsableCommand.Type = MicroCommand.self
        for word in CommandWords(arguments).positionals {
            let subcommands = command.configuration.subcommands
            guard !subcommands.isEmpty else { return nil }
            if let next = subcommands.first(where: { name(of: $0) == word }) {
                command = next
                path.append(word)
                continue
            }
            // `micro get greeter` leaves out the word that there is no choice about.
            let meant =
                Suggestion.nearest(to: word, among: subcommands.map(name))
                ?? (subcommands.count == 1 ? subcommands.first.map { only(name(of: $0), word) } : nil)
            return meant.map { "Did you mean '\((path + [$0]).joined(separator: " "))'?" }
        }
        return nil
    }

    private static func only(_ subcommand: String, _ word: String) -> String {
        "\(subcommand)s" == word ? subcommand : "\(subcommand) \(word)"
    }

    private static func name(of command: any ParsableCommand.Type) -> String {
        command.configuration.commandName ?? ""
    }
}
