/// A record of a registry as go-micro and we write it: to the byte, with strings that need no escapes.
///
/// Nearly all records are, and a general decoder takes many times as long. What is written in any other
/// way, right or wrong, is left to that.
package struct RecordText {
    /// The text is written in another way.
    private struct OtherForm: Error {}

    /// How deep values may lie in each other.
    private static let deepest = 16

    private let text: [UInt8]
    private var position: Int

    private init(_ text: [UInt8], from position: Int) { (self.text, self.position) = (text, position) }

    /// Reads a record.
    ///
    /// - Parameter text: All of its text.
    /// - Returns: The record; `nil` if it is written in another way.
    static func record(_ text: [UInt8]) -> ServiceRecord? {
        var reader = Self(text, from: 0)
        return try? reader.record()
    }

    /// Reads the last part of a record, which is its nodes.
    ///
    /// - Parameters:
    ///   - text: The record's text.
    ///   - position: Where the comma in front of the nodes stands.
    /// - Returns: The nodes; `nil` if the rest of the text is written in another way.
    package static func nodes(_ text: [UInt8], from position: Int) -> [Node]? {
        var reader = Self(text, from: position)
        return try? reader.nodes()
    }

    // MARK: The parts of a record

    private mutating func record() throws(OtherForm) -> ServiceRecord {
        try expect(#"{"name":"#)
        let name = try string()
        try expect(#","version":"#)
        let version = try string()
        try expect(#","metadata":"#)
        let metadata = try map()
        try expect(#","endpoints":"#)
        let endpoints = try array { reader throws(OtherForm) in try reader.endpoint() }
        return ServiceRecord(
            name: name, version: version, metadata: metadata, endpoints: endpoints, nodes: try nodes())
    }

    private mutating func nodes() throws(OtherForm) -> [Node] {
        try expect(#","nodes":"#)
        let nodes = try array { reader throws(OtherForm) in try reader.node() }
        try expect("}")
        guard position == text.count else { throw OtherForm() }
        return nodes ?? []
    }

    private mutating func node() throws(OtherForm) -> Node {
        try expect(#"{"id":"#)
        let id = try string()
        try expect(#","address":"#)
        let address = try string()
        try expect(#","metadata":"#)
        let metadata = try map()
        try expect("}")
        return Node(id: id, address: address, metadata: metadata)
    }

    private mutating func endpoint() throws(OtherForm) -> EndpointRecord {
        try expect(#"{"name":"#)
        let name = try string()
        try expect(#","request":"#)
        let request = try value()
        try expect(#","response":"#)
        let response = try value()
        try expect(#","metadata":"#)
        let metadata = try map()
        try expect("}")
        return EndpointRecord(name: name, request: request, response: response, metadata: metadata)
    }

    private mutating func value() throws(OtherForm) -> ValueRecord? {
        accept("null") ? nil : try value(depth: 1)
    }

    private mutating func value(depth: Int) throws(OtherForm) -> ValueRecord {
        guard depth <= Self.deepest else { throw OtherForm() }
        try expect(#"{"name":"#)
        let name = try string()
        try expect(#","type":"#)
        let type = try string()
        try expect(#","values":"#)
        let values = try array { reader throws(OtherForm) in try reader.value(depth: depth + 1) }
        try expect("}")
        return ValueRecord(name: name, type: type, values: values)
    }

    // MARK: JSON

    /// Reads an array, or `null`.
    private mutating func array<Element>(
        _ element: (inout Self) throws(OtherForm) -> Element
    ) throws(OtherForm) -> [Element]? {
        guard !accept("null") else { return nil }
        try expect("[")
        var elements: [Element] = []
        guard !accept("]") else { return elements }
        repeat { elements.append(try element(&self)) } while accept(",")
        try expect("]")
        return elements
    }

    /// Reads an object with string values, or `null`; which of two values of a key counts is not ours to say.
    private mutating func map() throws(OtherForm) -> [String: String]? {
        guard !accept("null") else { return nil }
        try expect("{")
        var map: [String: String] = [:]
        guard !accept("}") else { return map }
        repeat {
            let key = try string()
            try expect(":")
            guard map.updateValue(try string(), forKey: key) == nil else { throw OtherForm() }
        } while accept(",")
        try expect("}")
        return map
    }

    /// Reads a string without escapes.
    private mutating func string() throws(OtherForm) -> String {
        try expect("\"")
        let start = position
        while position < text.count, text[position] != UInt8(ascii: "\"") {
            guard text[position] >= 0x20, text[position] != UInt8(ascii: "\\") else { throw OtherForm() }
            position += 1
        }
        let string = String(validating: text[start..<position], as: UTF8.self)
        try expect("\"")
        guard let string else { throw OtherForm() }
        return string
    }

    private mutating func expect(_ part: String) throws(OtherForm) {
        guard accept(part) else { throw OtherForm() }
    }

    private mutating func accept(_ part: String) -> Bool {
        let part = part.utf8
        guard part.count <= text.count - position else { return false }
        var end = position
        for byte in part {
            guard text[end] == byte else { return false }
            end += 1
        }
        position = end
        return true
    }
}
