import MicroCore

/// Names and labels as Prometheus has them.
enum LabelText {
    /// The greatest number of characters of a label's value.
    private static let valueLimit = 200

    /// Returns a metric's name: letters, digits, `_` and `:`, and no digit in front.
    static func metricName(_ text: String) -> String { name(text, allowsColon: true) }

    /// Returns a label's name; those that begin with two underscores are Prometheus's own.
    static func labelName(_ text: String) -> String {
        let name = name(text, allowsColon: false)
        return name.hasPrefix("__") ? "label\(name)" : name
    }

    private static func name(_ text: String, allowsColon: Bool) -> String {
        var name = ""
        for scalar in text.unicodeScalars.prefix(valueLimit) {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": name.unicodeScalars.append(scalar)
            case "0"..."9": name += name.isEmpty ? "_\(scalar)" : "\(scalar)"
            case ":" where allowsColon: name += ":"
            default: name += "_"
            }
        }
        return name.isEmpty ? "_" : name
    }

    /// Returns labels as they stand between braces, sorted by name; of two with one name the first counts.
    ///
    /// - Parameters:
    ///   - labels: The labels.
    ///   - reserved: A name that the metric's lines use themselves.
    /// - Returns: The text.
    static func joined(_ labels: [(String, String)], reserved: String?) -> String {
        var values: [String: String] = [:]
        for (name, value) in labels {
            let name = labelName(name)
            let key = name == reserved ? "exported_\(name)" : name
            if values[key] == nil { values[key] = value }
        }
        return values.sorted { $0.key < $1.key }
            .map { "\($0.key)=\"\(escaped(String($0.value.unicodeScalars.prefix(valueLimit))))\"" }
            .joined(separator: ",")
    }

    /// Returns a label's value as it is written between quotes.
    static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
