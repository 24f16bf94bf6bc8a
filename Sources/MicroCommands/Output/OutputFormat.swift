public import ArgumentParser

/// How a command that shows something prints it.
public enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    /// Tables and words, for people.
    case text

    /// JSON, for programs.
    case json

    /// Prints a document in the form that is asked for.
    ///
    /// - Parameters:
    ///   - text: The document for people, which ends with a newline.
    ///   - json: The document for programs.
    /// - Throws: A failure if it can't be written.
    public func print(text: @autoclosure () -> String, json: @autoclosure () -> JSONValue)
        throws(CommandFailure)
    {
        switch self {
        case .text: try Output.write(text())
        case .json:
            let line = json().line
            try Output.write(json: ((try? JSONLayout.indented(line)) ?? line) + [UInt8(ascii: "\n")])
        }
    }
}

/// The option of the commands that show something.
public struct OutputOption: ParsableArguments, Sendable {
    /// The form that is asked for.
    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: ArgumentHelp("How it is printed: as text, or as JSON for programs.", valueName: "text|json"))
    public var format = OutputFormat.text

    /// Creates the option, for the parser of arguments.
    public init() {}
}
