internal import ArgumentParser

/// How replies are printed.
enum ReplyFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    /// JSON, indented with tabs.
    case json

    /// The bytes that came.
    case raw

    /// Returns what to print for the one reply of a call.
    func text(of reply: [UInt8]) -> [UInt8] {
        // A file or a program gets the very bytes; a person's prompt should stand on its own line.
        self == .raw && !Output.isTerminal ? reply : line(of: reply)
    }

    /// Returns what to print for a reply among others, each of which ends its line.
    func line(of reply: [UInt8]) -> [UInt8] {
        let newline = UInt8(ascii: "\n")
        // A reply that is no JSON is better seen as it is than not at all.
        guard self == .json, let indented = try? JSONLayout.indented(reply) else { return reply + [newline] }
        return indented + [newline]
    }
}
