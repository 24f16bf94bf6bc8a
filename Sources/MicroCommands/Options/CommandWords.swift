/// The words of a command line that may be incomplete or wrong, so that no parser takes it.
struct CommandWords {
    /// The words that are neither options nor their values.
    private(set) var positionals: [String] = []

    /// The last value of each option that has one, by its name with underscores.
    private(set) var values: [String: String] = [:]

    /// Reads words.
    ///
    /// - Parameters:
    ///   - words: The words behind the program's name.
    ///   - valued: The options that take a value, as they are written.
    init(_ words: some Sequence<String>, valued: Set<String>) {
        var option: String?
        for word in words {
            if let name = option {
                values[Self.key(name)] = word
                option = nil
            } else if word.hasPrefix("-"), word != "-" {
                let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
                if parts.count == 2 { values[Self.key(parts[0])] = parts[1] }
                if valued.contains(word) { option = word }
            } else {
                positionals.append(word)
            }
        }
    }

    private static func key(_ option: String) -> String {
        String(option.drop { $0 == "-" }.map { $0 == "-" ? "_" : $0 })
    }
}
