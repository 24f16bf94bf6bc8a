import MicroCore
import NIOHTTP1

/// The header fields of a message, in their order; names are compared without regard to case.
package struct HTTP1Fields: Sendable, ExpressibleByDictionaryLiteral {
    private var fields: [(name: String, value: String)]

    /// Creates fields.
    package init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { ($0.0, $0.1) }
    }

    init(_ headers: HTTPHeaders) { fields = headers.map { ($0.name, $0.value) } }

    /// The first value of a name; setting it replaces all, and setting `nil` removes them.
    package subscript(name: String) -> String? {
        get { fields.first { $0.name.caseInsensitiveEquals(name) }?.value }
        set {
            fields.removeAll { $0.name.caseInsensitiveEquals(name) }
            if let newValue { fields.append((name, newValue)) }
        }
    }

    /// The fields as the encoder takes them.
    var headers: HTTPHeaders { HTTPHeaders(fields) }
}
