/// The keys and texts of a JSON value; of what else is in it, only that it is there.
enum JSONTree: Decodable, Equatable {
    case object([String: JSONTree])
    case list([JSONTree])
    case text(String)
    case other

    private struct Key: CodingKey {
        let stringValue: String
        let intValue: Int? = nil

        init(stringValue: String) { self.stringValue = stringValue }

        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        if let container = try? decoder.container(keyedBy: Key.self) {
            var fields: [String: JSONTree] = [:]
            for key in container.allKeys {
                fields[key.stringValue] = try container.decode(JSONTree.self, forKey: key)
            }
            self = .object(fields)
        } else if var container = try? decoder.unkeyedContainer() {
            var elements: [JSONTree] = []
            while !container.isAtEnd { elements.append(try container.decode(JSONTree.self)) }
            self = .list(elements)
        } else if let text = try? decoder.singleValueContainer().decode(String.self) {
            self = .text(text)
        } else {
            self = .other
        }
    }
}
