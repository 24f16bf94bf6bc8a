import FoundationEssentials
import MicroCore

/// How go-micro's HTTP broker stands in a registry: one service, with one node for each subscription.
enum BrokerRecord {
    /// The name of the service.
    static let service = "micro.http.broker"

    /// The version under which subscriptions without a queue stand; with one it is the queue.
    static let broadcast = "ff.http.broadcast"

    /// How long a node stays without being renewed, and how often it is renewed, as in go-micro.
    static let timeToLive = Duration.seconds(60)
    static let interval = Duration.seconds(30)

    private static let deliveryKey = "delivery"
    private static let atLeastOnce = "at-least-once"

    /// Returns the record of a subscription.
    static func make(
        _ options: SubscriptionOptions, id: String, address: String, isSecure: Bool
    ) -> ServiceRecord {
        var metadata = ["broker": "http", "secure": isSecure ? "true" : "false", "topic": options.topic]
        // Publishers of go-micro's don't know this one.
        if options.delivery == .atLeastOnce { metadata[deliveryKey] = atLeastOnce }
        return ServiceRecord(
            name: service, version: options.queue ?? broadcast,
            nodes: [Node(id: id, address: address, metadata: metadata)])
    }

    /// Returns a new id for a subscription: the topic, as far as DNS has room for it, and a random UUID.
    ///
    /// go-micro has one for each process and topic, so that of two subscriptions of a process both get the
    /// events of each.
    static func newID(topic: String) -> String {
        NodeID.make(name: topic, unique: UUID().uuidString.lowercased())
    }

    /// A subscription as a publisher reads it from the registry.
    struct Receiver: Hashable, Sendable {
        let key: NodeKey
        let topic: String
        let address: String
        let isSecure: Bool
        let delivery: Delivery

        /// The queue, or `nil` if every event goes there.
        var queue: String? { key.version == broadcast ? nil : key.version }

        /// Reads a node; fails if it isn't one of an HTTP broker.
        init?(_ key: NodeKey, _ node: Node) {
            guard let metadata = node.metadata, metadata["broker"] == "http", let topic = metadata["topic"]
            else { return nil }
            self.key = key
            self.topic = topic
            address = node.address
            isSecure = metadata["secure"] == "true"
            delivery = metadata[deliveryKey] == atLeastOnce ? .atLeastOnce : .atMostOnce
        }
    }
}
