import MicroCore

/// Words for what the JSON coders report.
enum JSONProblem {
    /// Returns what is wrong and where.
    ///
    /// - Parameters:
    ///   - error: What a coder has thrown.
    ///   - type: The type of the whole value.
    /// - Returns: One sentence.
    static func text(of error: any Error, type: Any.Type) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            "The \(type) in JSON has no \"\(key.stringValue)\"\(place(context.codingPath))."
        case DecodingError.valueNotFound(let wanted, let context):
            "The \(type) in JSON has null instead of a \(wanted)\(place(context.codingPath))."
        case DecodingError.typeMismatch(let wanted, let context):
            "The \(type) in JSON has something else than a \(wanted)\(place(context.codingPath))."
        case DecodingError.dataCorrupted(let context):
            "The \(type) is not valid JSON\(place(context.codingPath)): \(reason(context))"
        case EncodingError.invalidValue(_, let context):
            "The \(type) can't be written as JSON\(place(context.codingPath)): \(context.debugDescription)"
        default:
            "The \(type) can't be coded as JSON: \(error)"
        }
    }

    /// Whether a decoder could not read the text, or a number in it: it does not say which.
    static func isAboutWholeText(_ error: any Error) -> Bool {
        guard case DecodingError.dataCorrupted(let context) = error else { return false }
        return context.codingPath.isEmpty
    }

    /// Returns what is wrong with a number, and where.
    static func text(of culprit: JSONNumbers.Culprit, type: Any.Type) -> String {
        let number = culprit.number.printable(limit: 40)
        let path = culprit.path.isEmpty ? "" : " at \(culprit.path.printable(limit: 200))"
        return culprit.isFraction
            ? "The \(type) in JSON has \(number)\(path), which is not a whole number."
            : "The \(type) in JSON has \(number)\(path), which is out of range."
    }

    /// The parser's own error says more than the decoder's general words.
    private static func reason(_ context: DecodingError.Context) -> String {
        context.underlyingError.map { "\($0)" } ?? context.debugDescription
    }

    private static func place(_ path: [any CodingKey]) -> String {
        guard !path.isEmpty else { return "" }
        var text = ""
        for key in path {
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
        // Keys of a dictionary are the sender's.
        return " at \(text.printable(limit: 200))"
    }
}
