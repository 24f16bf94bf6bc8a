extension String {
    /// Returns a text that came from outside, fit for a log line, an error's message or a terminal.
    ///
    /// What would end a line, move the cursor, change colours or the direction of writing, or hide text, is
    /// written as `\u{9B}`: control characters, line and paragraph separators, and format characters but
    /// the joiners that scripts and emoji need (Unicode categories Cc, Zl, Zp and Cf). A backslash stays, so
    /// a text with `\u{9B}` in it in letters looks alike; neither does any harm.
    ///
    /// - Parameter limit: The greatest number of Unicode scalars that are read; what follows is cut off, and
    ///   `…` marks it.
    /// - Returns: The text.
    package func printable(limit: Int = 300) -> String {
        var output = String.UnicodeScalarView()
        var count = 0
        for scalar in unicodeScalars {
            guard count < limit else {
                output.append("…")
                break
            }
            count += 1
            if scalar.isHarmless {
                output.append(scalar)
            } else {
                let digits = String(scalar.value, radix: 16, uppercase: true)
                output.append(contentsOf: "\\u{\(digits)}".unicodeScalars)
            }
        }
        return String(output)
    }
}

extension Unicode.Scalar {
    /// Whether the scalar can be shown without harm to the text around it or to a terminal.
    package var isHarmless: Bool {
        if value >= 0x20, value < 0x7F { return true }
        if value == 0x200C || value == 0x200D { return true }
        return switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: false
        default: true
        }
    }
}
