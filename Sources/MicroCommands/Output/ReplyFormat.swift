internal import ArgumentParser

/// How replies are printed.
enum ReplyFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    /// JSON, indented with tabs.
    case json

    /// The bytes that came.
    case raw

    /// Prints the one reply of a call.
    func print(_ reply: [UInt8]) throws(CommandFailure) {
        // A file or a program gets the very bytes; a person's prompt should stand on its own line.
        guard self == .raw, !Output.isTerminal else { return try printLine(reply) }
        try Output.write(raw: reply)
    }

    /// Prints a reply among others, each of which ends its line.
    func printLine(_ reply: [UInt8]) throws(CommandFailure) {
        let newline = UInt8(ascii: "\n")
        // A reply that is no JSON is better seen as it is than not at all.
        guard self == .json, let indented = try? JSONLayout.indented(reply) else {
            return try Output.write(raw: reply + [newline])
        }
        try Output.write(json: indented + [newline])
    }
}
