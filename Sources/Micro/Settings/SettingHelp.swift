import MicroCore

/// What `--help` of a service prints: its settings, what they take and mean, and what is set now.
struct SettingHelp: CustomStringConvertible {
    let service: String
    let report: SettingReport

    /// How long lines become at most, in characters, unless a word is longer.
    private static let width = 80

    var description: String {
        var text = """
            The service \(service).

            Each setting is a flag as below (or with dashes), a variable such as
            MICRO_SERVER_ADDRESS for --server_address, or a key of the JSON file that
            --config_file names. Flags go before variables, and those before the file.

            """
        for group in report.groups {
            text += "\n\(group.name.uppercased())\n"
            for row in group.rows { text += Self.text(row) }
        }
        return text
    }

    private static func text(_ row: SettingReport.Row) -> String {
        let present =
            switch (row.value, row.origin) {
            case (let value?, let origin?): "now \(value), from \(origin)"
            case (let value?, nil): "default: \(value)"
            case (nil, _): "not set"
            }
        let meaning = row.declaration.meaning.replacing("`", with: "\"")
        return "  --\(row.flag)  (\(row.declaration.takes))\n" + wrapped(meaning) + wrapped(present)
    }

    private static func wrapped(_ text: String) -> String {
        let indent = "      "
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, indent.count + line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        lines.append(line)
        return lines.map { indent + $0 + "\n" }.joined()
    }
}
