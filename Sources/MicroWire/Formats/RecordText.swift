package import MicroCore

/// Records of a registry in go-micro's JSON, read as Go reads them.
package enum RecordText {
    /// Reads a record.
    ///
    /// - Parameters:
    ///   - text: All of its text.
    ///   - limits: What it may have at most.
    /// - Returns: The record.
    /// - Throws: What is wrong with the text.
    static func record(_ text: [UInt8], limits: JSONReader.Limits) throws(JSONReader.Fault) -> ServiceRecord {
        var reader = JSONReader(text, limits: limits)
        let record = try reader.record()
        try reader.end()
        return record
    }

    /// Reads the last part of a record, which is its nodes.
    ///
    /// - Parameters:
    ///   - text: The record's text.
    ///   - position: Where the comma in front of the nodes stands.
    /// - Returns: The nodes; `nil` if the rest of the text is something else.
    package static func nodes(_ text: [UInt8], from position: Int) -> [Node]? {
        var reader = JSONReader(text, from: position, limits: ServiceRecord.jsonLimits)
        guard reader.accept(word: #","nodes":"#),
            let nodes = try? reader.array({ reader throws(JSONReader.Fault) in try reader.node() }) ?? [],
            reader.accept(word: "}"), (try? reader.end()) != nil
        else { return nil }
        return nodes
    }
}

extension JSONReader {
    fileprivate mutating func record() throws(Fault) -> ServiceRecord {
        var record = ServiceRecord(name: "", version: "")
        try object { reader, key throws(Fault) in
            if key.matches("name") {
                record.name = try reader.string()
            } else if key.matches("version") {
                record.version = try reader.string()
            } else if key.matches("metadata") {
                record.metadata = try reader.stringMap()
            } else if key.matches("endpoints") {
                record.endpoints = try reader.endpoints()
            } else if key.matches("nodes") {
                record.nodes = try reader.array { reader throws(Fault) in try reader.node() } ?? []
            } else {
                try reader.skip()
            }
        }
        return record
    }

    /// Reads a node.
    ///
    /// A separate `port`, which old versions wrote, is put to the address.
    fileprivate mutating func node() throws(Fault) -> Node {
        var node = Node(id: "", address: "")
        var port: Int?
        try object { reader, key throws(Fault) in
            if key.matches("id") {
                node.id = try reader.string()
            } else if key.matches("address") {
                node.address = try reader.string()
            } else if key.matches("metadata") {
                node.metadata = try reader.stringMap()
            } else if key.matches("port") {
                port = try reader.integer()
            } else {
                try reader.skip()
            }
        }
        if let port, port > 0, HostPort.split(node.address)?.port == nil {
            node.address = HostPort.join(node.address, port)
        }
        return node
    }

    /// Reads an array of endpoints, or `null`.
    package mutating func endpoints() throws(Fault) -> [EndpointRecord]? {
        try array { reader throws(Fault) in try reader.endpoint() }
    }

    private mutating func endpoint() throws(Fault) -> EndpointRecord {
        var endpoint = EndpointRecord(name: "", metadata: nil)
        try object { reader, key throws(Fault) in
            if key.matches("name") {
                endpoint.name = try reader.string()
            } else if key.matches("request") {
                endpoint.request = reader.acceptNull() ? nil : try reader.value()
            } else if key.matches("response") {
                endpoint.response = reader.acceptNull() ? nil : try reader.value()
            } else if key.matches("metadata") {
                endpoint.metadata = try reader.stringMap()
            } else {
                try reader.skip()
            }
        }
        return endpoint
    }

    private mutating func value() throws(Fault) -> ValueRecord {
        var value = ValueRecord(name: "", type: "")
        try object { reader, key throws(Fault) in
            if key.matches("name") {
                value.name = try reader.string()
            } else if key.matches("type") {
                value.type = try reader.string()
            } else if key.matches("values") {
                value.values = try reader.array { reader throws(Fault) in try reader.value() }
            } else {
                try reader.skip()
            }
        }
        return value
    }
}
