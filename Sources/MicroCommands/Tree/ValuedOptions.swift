internal import ArgumentParser
internal import FoundationEssentials

/// The options that take a value, of all commands that are linked.
///
/// A command line that no parser takes, since it is incomplete or wrong, is only understood with them.
enum ValuedOptions {
    /// What swift-argument-parser knows of a command, as far as it is needed.
    private struct Dump: Decodable {
        struct Command: Decodable {
            var arguments: [Argument]?
            var subcommands: [Command]?
        }

        struct Argument: Decodable {
            var kind: String
            var names: [Name]?
        }

        struct Name: Decodable {
            var kind: String
            var name: String
        }

        var command: Command
    }

    /// Returns the options as they are written, such as `--registry` and `-o`.
    static func linked() async -> Set<String> {
        var options: Set<String> = []
        for command in Command.linked(in: "") {
            guard let dump = await dump(command) else { continue }
            add(dump.command, to: &options)
        }
        return options
    }

    private static func dump(_ command: any ParsableCommand.Type) async -> Dump? {
        do {
            let request = ["--experimental-dump-help"]
            if let command = command as? any AsyncParsableCommand.Type {
                _ = try await command.asyncParseAsRoot(request)
            } else {
                _ = try command.parseAsRoot(request)
            }
            return nil
        } catch {
            // This is how swift-argument-parser answers.
            return try? JSONDecoder().decode(Dump.self, from: Data(command.fullMessage(for: error).utf8))
        }
    }

    private static func add(_ command: Dump.Command, to options: inout Set<String>) {
        for argument in command.arguments ?? [] where argument.kind == "option" {
            for name in argument.names ?? [] {
                options.insert((name.kind == "long" ? "--" : "-") + name.name)
            }
        }
        for command in command.subcommands ?? [] { add(command, to: &options) }
    }
}
