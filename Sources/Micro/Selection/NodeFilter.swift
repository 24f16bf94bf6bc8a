public import MicroCore

/// Which of a service's nodes a call may go to.
///
/// ```swift
/// let options = CallOptions(routing: Routing(filter: NodeFilter(version: "2", labels: ["disk": "ssd"])))
/// ```
///
/// A node must have all that is asked for. If none has, the call fails.
public struct NodeFilter: Hashable, Sendable {
    /// The version of the service that the node runs; any if `nil`.
    public var version: String?

    /// A version that it does not run.
    var otherThanVersion: String?

    /// What the node's metadata say.
    public var labels: [String: String]

    /// The zone of the node, which is its metadata field `zone`; any if `nil`.
    public var zone: String?

    /// An endpoint that the node offers, `Type.Method`, for services of which not all versions have it; any if `nil`.
    ///
    /// A node of which the registry doesn't tell is taken to have it.
    public var endpoint: String?

    /// Creates a filter.
    ///
    /// - Parameters:
    ///   - version: The version of the service that the node runs.
    ///   - labels: What the node's metadata say.
    ///   - zone: The zone of the node.
    ///   - endpoint: An endpoint that the node offers.
    public init(
        version: String? = nil, labels: [String: String] = [:], zone: String? = nil, endpoint: String? = nil
    ) {
        self.version = version
        self.labels = labels
        self.zone = zone
        self.endpoint = endpoint
    }

    /// Returns whether a node has all that is asked for.
    ///
    /// - Parameter candidate: The node.
    /// - Returns: Whether it has.
    public func accepts(_ candidate: Candidate) -> Bool {
        if let version, candidate.version != version { return false }
        if let otherThanVersion, candidate.version == otherThanVersion { return false }
        let metadata = candidate.node.metadata ?? [:]
        if let zone, metadata["zone"] != zone { return false }
        if let endpoint, let endpoints = candidate.endpoints, !endpoints.contains(endpoint) { return false }
        return labels.allSatisfy { metadata[$0.key] == $0.value }
    }
}
