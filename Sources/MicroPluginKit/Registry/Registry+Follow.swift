public import MicroCore

extension Registry {
    /// Follows the nodes of a service until the task is cancelled.
    ///
    /// A watch that fails or ends is begun again, after half a second at first and a minute at most. Nothing is
    /// told of a watch before it is in step with the registry: what the one before it has told holds until
    /// then.
    ///
    /// - Parameters:
    ///   - service: The name of the service.
    ///   - onChange: Called with all nodes after each change of one of them.
    ///   - onFailure: Called with the reason when a watch has failed.
    public func follow(
        _ service: String, onChange: ([NodeKey: Node]) -> Void, onFailure: (any Error) -> Void
    ) async {
        await follow(service, onUpdate: { onChange($0.mapValues(\.node)) }, onFailure: onFailure)
    }

    /// Follows the nodes of a service, and what endpoints each offers, until the task is cancelled.
    ///
    /// - Parameters:
    ///   - service: The name of the service.
    ///   - onUpdate: Called with all nodes after each change of one of them.
    ///   - onFailure: Called with the reason when a watch has failed.
    public func follow(
        _ service: String, onUpdate: ([NodeKey: RegisteredNode]) -> Void, onFailure: (any Error) -> Void
    ) async {
        var backoff = ExponentialBackoff(first: .milliseconds(500), longest: .seconds(60))
        while !Task.isCancelled {
            do {
                var nodes = WatchedNodes()
                for try await change in watch(service) {
                    nodes.apply(change)
                    guard nodes.isInStep else { continue }
                    backoff.reset()
                    onUpdate(nodes.all)
                }
            } catch {
                if !Task.isCancelled, !(error is CancellationError) { onFailure(error) }
            }
            try? await Task.sleep(for: backoff.next())
        }
    }
}

/// A node, with what the registry says of the service that it runs.
public struct RegisteredNode: Hashable, Sendable {
    /// The node.
    public let node: Node

    /// The names of the endpoints that it offers, `Type.Method`; `nil` where the registry doesn't tell.
    public let endpointNames: Set<String>?

    /// The names of those of them whose calls may have their effect several times.
    public let idempotentNames: Set<String>

    /// Creates a node.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - endpoints: The endpoints that it offers; `nil` where the registry doesn't tell.
    public init(_ node: Node, endpoints: [EndpointRecord]? = nil) {
        self.node = node
        endpointNames = endpoints.map { Set($0.map(\.name)) }
        idempotentNames = Set((endpoints ?? []).filter(\.isIdempotent).map(\.name))
    }
}

/// The nodes that one watch has told.
private struct WatchedNodes {
    private(set) var all: [NodeKey: RegisteredNode] = [:]
    private(set) var isInStep = false

    mutating func apply(_ change: RegistryChange) {
        switch change {
        case .up(let record):
            for (key, node) in zip(record.keys, record.nodes) {
                all[key] = RegisteredNode(node, endpoints: record.endpoints)
            }
        case .down(let key):
            all[key] = nil
        case .synced:
            isInStep = true
        }
    }
}
