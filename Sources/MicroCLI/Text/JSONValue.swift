internal import MicroWire

/// A value of JSON that a command prints; objects keep the order of their keys.
indirect enum JSONValue {
    case string(String)
    case number(String)
    case flag(Bool)
    case list([JSONValue])
    case object([(key: String, value: JSONValue)])

    /// JSON text that exists already.
    case text([UInt8])

    static func integer(_ number: some BinaryInteger) -> Self { .number("\(number)") }

    static func map(_ map: [String: String]) -> Self {
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
