/// Text from the network, fit for a terminal.
enum PlainText {
    /// Returns a text without the characters that move the cursor, change colours or end the line.
    ///
    /// - Parameter text: A text that anybody may have written.
    /// - Returns: The text, with a replacement character for each control character.
    static func of(_ text: String) -> String {
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control
            plain.append(isControl ? "\u{FFFD}" : scalar)
        }
        return String(plain)
    }
}
