internal import MicroCore

/// What the registry tells of an endpoint's request, to find what a person has mistyped.
///
/// A service ignores a field that it doesn't know, as clients of a later version may send it, and what was
/// mistyped would be left out in silence.
struct RequestSchema {
    /// A field or a name of an enumeration that is not in the schema.
    struct Fault: Error, Equatable {
        let message: String
    }

    /// Messages whose JSON has another form than their fields.
    private static let freeForms: Set<String> = ["Any", "Struct", "Value"]

    private let request: ValueRecord

    init(_ request: ValueRecord) { self.request = request }

    /// Checks a request against the schema.
    ///
    /// - Parameter tree: The request.
    /// - Throws: The first thing that is unknown, and what may be meant.
    func check(_ tree: JSONTree) throws(Fault) { try check(tree, request, path: "") }

    private func check(_ tree: JSONTree, _ record: ValueRecord, path: String) throws(Fault) {
        guard let values = record.values, !values.isEmpty else { return }
        switch tree {
        case .object(let fields): try check(fields, Level(values), type: record.type, path: path)
        case .text(let name): try checkName(name, values, path: path)
        case .list, .other: break
        }
    }

    private func check(
        _ fields: [String: JSONTree], _ level: Level, type: String, path: String
    ) throws(Fault) {
        guard level.isComplete, !Self.freeForms.contains(type) else { return }
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            let keyPath = path.isEmpty ? key : "\(path).\(key)"
            guard let record = level.fields[key] else {
                let names = level.names.map { $0.printable() }.joined(separator: ", ")
                throw Fault(
                    message: "The request has no field \"\(keyPath.printable())\". The fields are: \(names)."
                        + Suggestion.question(key, among: level.fields.keys.sorted()))
            }
            try check(value, record, path: keyPath)
        }
    }

    private func checkName(_ name: String, _ values: [ValueRecord], path: String) throws(Fault) {
        let isEnumeration = values.allSatisfy { $0.type == ValueRecord.enumerationName }
        guard isEnumeration, !values.contains(where: { $0.name == name }), Int(name) == nil else { return }
        let names = values.map { $0.name.printable() }.joined(separator: ", ")
        throw Fault(
            message:
                "The field \"\(path.printable())\" can't be \"\(name.printable())\". It is one of: \(names)."
                + Suggestion.question(name, among: values.map(\.name)))
    }
}

/// The fields of one object of a request.
private struct Level {
    /// The fields by the names that JSON may have: that of the definition, and in Protobuf's lowerCamelCase.
    let fields: [String: ValueRecord]

    /// The names of the definition.
    let names: [String]

    /// Whether all fields are there with their names.
    let isComplete: Bool

    init(_ values: [ValueRecord]) {
        var values = values[...]
        // What Go's code of a Protobuf message has in front: its state, its size and its unknown fields.
        if values.first?.name == "MessageState" { values = values.dropFirst(3) }
        names = values.map(\.name)
        var fields: [String: ValueRecord] = [:]
        for value in values {
            fields[value.name] = value
            fields[Self.lowerCamelCase(value.name)] = value
        }
        self.fields = fields
        // go-micro gives a field of Go without a JSON name, and a oneof, the name of its type.
        isComplete = values.allSatisfy { $0.name != $0.type }
    }

    private static func lowerCamelCase(_ name: String) -> String {
        var text = ""
        var isStart = false
        for character in name {
            if character == "_" {
                isStart = true
            } else {
                text += isStart ? character.uppercased() : String(character)
                isStart = false
            }
        }
        return text
    }
}
