import MicroCore

/// What went wrong when a message was encoded or decoded, in one sentence of bounded length.
enum CodingFailure {
    private static let limit = 300

    static func text(_ error: any Error) -> String {
        let text =
            switch error {
            case let error as MicroError: error.detail
            case let error as DecodingError: describe(error)
            case EncodingError.invalidValue(_, let context): at(context.codingPath, context.debugDescription)
            default: "\(error)"
            }
        return text.printable(limit: limit)
    }

    private static func describe(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context):
            at(context.codingPath, "the field \"\(key.stringValue)\" is missing.")
        case .typeMismatch(let type, let context):
            at(context.codingPath, "a value of type \(type) is expected. \(context.debugDescription)")
        case .valueNotFound(let type, let context):
            at(context.codingPath, "a value of type \(type) is missing. \(context.debugDescription)")
        case .dataCorrupted(let context):
            at(context.codingPath, context.debugDescription)
        @unknown default:
            "\(error)"
        }
    }

    private static func at(_ path: [any CodingKey], _ text: String) -> String {
        path.isEmpty ? text : "at \(path.map(\.stringValue).joined(separator: ".")): \(text)"
    }
}
