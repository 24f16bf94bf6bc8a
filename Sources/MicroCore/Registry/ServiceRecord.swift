/// What a registry knows of one version of a service.
///
/// In a registry the unit is the node: a server registers a record with one node for each transport that it
/// listens on.
/// What a lookup returns has all nodes of a version merged under one record.
public struct ServiceRecord: Hashable, Sendable {
    /// The name of the service.
    public var name: String

    /// The version, `latest` by default.
    public var version: String

    /// Metadata of the service; go-micro leaves it out, and what matters is the nodes'.
    public var metadata: [String: String]?

    /// The endpoints that the service offers; `nil` where they aren't known.
    public var endpoints: [EndpointRecord]?

    /// The nodes.
    public var nodes: [Node]

    /// Creates a record.
    ///
    /// - Parameters:
    ///   - name: The name of the service.
    ///   - version: The version.
    ///   - metadata: Metadata of the service.
    ///   - endpoints: The endpoints that the service offers.
    ///   - nodes: The nodes.
    public init(
        name: String, version: String = "latest", metadata: [String: String]? = nil,
        endpoints: [EndpointRecord]? = nil, nodes: [Node] = []
    ) {
        self.name = name
        self.version = version
        self.metadata = metadata
        self.endpoints = endpoints
        self.nodes = nodes
    }

    /// The keys of the nodes.
    public var keys: [NodeKey] { nodes.map { NodeKey(service: name, version: version, id: $0.id) } }

    /// Merges records of single nodes into one record for each name and version.
    ///
    /// - Parameter records: The records, of which the last one of a version gives the endpoints.
    /// - Returns: The merged records, sorted by name and version; nodes keep their order.
    public static func merge(_ records: some Sequence<ServiceRecord>) -> [ServiceRecord] {
        var merged: [ServiceRecord] = []
        var positions: [NodeKey: Int] = [:]
        for record in records {
            let key = NodeKey(service: record.name, version: record.version, id: "")
            if let position = positions[key] {
                let nodes = merged[position].nodes
                merged[position] = record
                merged[position].nodes = nodes + record.nodes
            } else {
                positions[key] = merged.count
                merged.append(record)
            }
        }
        return merged.sorted { ($0.name, $0.version) < ($1.name, $1.version) }
    }
}

/// One running instance of a service.
public struct Node: Hashable, Sendable {
    /// The node's id, new for each process: the service's name and a unique part.
    public var id: String

    /// Where it is reached, as `host:port`, or the name that its transport uses.
    public var address: String

    /// What else is known of it: `protocol`, `transport`, `server`, `broker`, `registry`, and the
    /// user's own.
    public var metadata: [String: String]?

    /// Creates a node.
    ///
    /// - Parameters:
    ///   - id: The node's id.
    ///   - address: Where it is reached.
    ///   - metadata: What else is known of it.
    public init(id: String, address: String, metadata: [String: String]? = nil) {
        self.id = id
        self.address = address
        self.metadata = metadata
    }
}

/// What tells one node from all others in a registry.
public struct NodeKey: Hashable, Sendable {
    /// The name of the service.
    public var service: String

    /// The version of the service.
    public var version: String

    /// The node's id.
    public var id: String

    /// Creates a key.
    ///
    /// - Parameters:
    ///   - service: The name of the service.
    ///   - version: The version of the service.
    ///   - id: The node's id.
    public init(service: String, version: String, id: String) {
        self.service = service
        self.version = version
        self.id = id
    }
}

/// One endpoint of a service, as a registry describes it.
public struct EndpointRecord: Hashable, Sendable {
    /// The name, `Type.Method`.
    public var name: String

    /// The shape of the request.
    public var request: ValueRecord?

    /// The shape of the response.
    public var response: ValueRecord?

    /// What else is known of it: `stream` is `true` for an endpoint that streams, and `idempotent` for one whose calls
    /// may have their effect several times.
    public var metadata: [String: String]?

    /// Creates an endpoint.
    ///
    /// - Parameters:
    ///   - name: The name, `Type.Method`.
    ///   - request: The shape of the request.
    ///   - response: The shape of the response.
    ///   - metadata: What else is known of it.
    public init(
        name: String, request: ValueRecord? = nil, response: ValueRecord? = nil,
        metadata: [String: String]? = [:]
    ) {
        self.name = name
        self.request = request
        self.response = response
        self.metadata = metadata
    }
}

extension EndpointRecord {
    /// Whether calls of the endpoint may have their effect several times, as its service says.
    package var isIdempotent: Bool { metadata?["idempotent"] == "true" }
}

extension ValueRecord {
    /// The type of the values that are names of an enumeration; go-micro, which has no such values, shows them
    /// as fields.
    package static let enumerationName = "enum"
}

/// The name and type of a value in an endpoint's request or response, and of the values inside.
public struct ValueRecord: Hashable, Sendable {
    /// The name of the field, or of the type at the top.
    public var name: String

    /// The name of the type, in Go's spelling: `string`, `int64`, `[]uint8`.
    public var type: String

    /// The fields of a structured value, or the names of an enumeration, each with the type `enum`.
    public var values: [ValueRecord]?

    /// Creates a value's description.
    ///
    /// - Parameters:
    ///   - name: The name of the field.
    ///   - type: The name of the type.
    ///   - values: The fields of a structured value.
    public init(name: String, type: String, values: [ValueRecord]? = nil) {
        self.name = name
        self.type = type
        self.values = values
    }
}
