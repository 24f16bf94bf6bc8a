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
        return " at \(text)"
    }
}
