internal import MicroWire

/// A value of JSON that a command prints; objects keep the order of their keys.
public indirect enum JSONValue: Sendable {
    /// A text.
    case string(String)

    /// A number, by its digits.
    case number(String)

    /// `true` or `false`.
    case flag(Bool)

    /// An array.
    case list([JSONValue])

    /// An object.
    case object([(key: String, value: JSONValue)])

    /// JSON text that exists already.
    case text([UInt8])

    /// A whole number.
    public static func integer(_ number: some BinaryInteger) -> Self { .number("\(number)") }

    /// An object of texts, sorted by their keys.
    public static func map(_ map: [String: String]) -> Self {
        .object(map.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
    }

    /// The value on one line.
    var line: [UInt8] {
        var text = JSONText()
        write(to: &text)
        return text.bytes
    }

    private func write(to text: inout JSONText) {
        switch self {
        case .string(let string): text.string(string)
        case .number(let digits): text.raw(digits)
        case .flag(let flag): text.raw(flag ? "true" : "false")
        case .list(let values): text.array(values) { $1.write(to: &$0) }
        case .object(let fields):
            text.raw("{")
            for (position, field) in fields.enumerated() {
                if position > 0 { text.raw(",") }
                text.string(field.key)
                text.raw(":")
                field.value.write(to: &text)
            }
            text.raw("}")
        case .text(let bytes): text.raw(String(decoding: bytes, as: UTF8.self))
        }
    }
}
