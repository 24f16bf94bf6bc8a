public import MicroCore

// The JSON of go-micro v2's registry values: the keys in the order of its structs, absent maps and
// arrays as null. Decoding accepts what Go accepts.

extension ServiceRecord {
    /// The largest JSON of a record that is read, in bytes; go-micro's etcd holds at most 1.5 MiB.
    package static let maximumJSONSize = 4 << 20

    /// How deep such a JSON may be nested, and how many elements it may have.
    package static let jsonLimits = JSONReader.Limits(elements: 1 << 17)

    /// The record as go-micro writes it.
    ///
    /// - Returns: UTF-8 text.
    public func json() -> [UInt8] {
        var text = JSONText()
        text.raw("{\"name\":")
        text.string(name)
        text.raw(",\"version\":")
        text.string(version)
        text.raw(",\"metadata\":")
        text.map(metadata)
        text.raw(",\"endpoints\":")
        text.array(endpoints) { $1.write(to: &$0) }
        text.raw(",\"nodes\":")
        text.array(nodes) { $1.write(to: &$0) }
        text.raw("}")
        return text.bytes
    }

    /// Reads a record that go-micro, or we, have written.
    ///
    /// - Parameter json: UTF-8 text. Keys are read without regard to case and unknown ones ignored.
    /// - Throws: A ``MicroError`` with the status `invalidArgument` if the text isn't such a record.
    public init(json: [UInt8]) throws {
        guard json.count <= Self.maximumJSONSize else {
            throw MicroError(
                .invalidArgument,
                "The registry record has \(json.count) bytes; at most \(Self.maximumJSONSize) are read.")
        }
        do {
            self = try RecordText.record(json, limits: Self.jsonLimits)
        } catch {
            throw MicroError(.invalidArgument, "The registry record is not readable: \(error).")
        }
    }
}

extension Node {
    func write(to text: inout JSONText) {
        text.raw("{\"id\":")
        text.string(id)
        text.raw(",\"address\":")
        text.string(address)
        text.raw(",\"metadata\":")
        text.map(metadata)
        text.raw("}")
    }
}

extension EndpointRecord {
    package func write(to text: inout JSONText) {
        text.raw("{\"name\":")
        text.string(name)
        text.raw(",\"request\":")
        if let request { request.write(to: &text) } else { text.raw("null") }
        text.raw(",\"response\":")
        if let response { response.write(to: &text) } else { text.raw("null") }
        text.raw(",\"metadata\":")
        text.map(metadata)
        text.raw("}")
    }
}

extension ValueRecord {
    func write(to text: inout JSONText) {
        text.raw("{\"name\":")
        text.string(name)
        text.raw(",\"type\":")
        text.string(type)
        text.raw(",\"values\":")
        text.array(values) { $1.write(to: &$0) }
        text.raw("}")
    }
}
