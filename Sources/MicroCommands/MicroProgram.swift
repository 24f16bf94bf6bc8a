internal import ArgumentParser

/// The program `micro`, with all plugins and commands that are linked.
///
/// A program of one's own with further plugins and commands is this, and its dependencies in the manifest:
///
/// ```swift
/// import MicroCommands
///
/// await MicroProgram.main()
/// ```
public enum MicroProgram {
    /// Runs the command that the arguments name.
    ///
    /// Does not return if that fails: the program ends with a message and an exit status.
    public static func main() async {
        HelpWidth.apply()
        do {
            try await Session.reporting { try CommandTree.linked.get().check(from: MicroCommand.self) }
            let command = try await MicroCommand.asyncParseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                var command = command
                try command.run()
            }
        } catch {
            if MicroCommand.exitCode(for: error) == .validationFailure,
                let question = await CommandSuggestion.question(Array(CommandLine.arguments.dropFirst()))
            {
                Output.writeError("\(MicroCommand.fullMessage(for: error))\n\(question)")
                MicroCommand.exit(withError: ArgumentParser.ExitCode.validationFailure)
            }
            MicroCommand.exit(withError: error)
        }
    }
}
