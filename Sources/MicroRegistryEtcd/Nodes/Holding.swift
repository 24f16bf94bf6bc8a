internal import MicroCore

/// A node that the process wants to stand in etcd.
struct Holding: Sendable {
    /// What is known to stand in etcd.
    struct Stored: Hashable, Sendable {
        var value: [UInt8]
        var lease: Int64
    }

    /// The key.
    var key: String

    /// What is to stand there: the record with this node alone, as go-micro writes it.
    var value: [UInt8]

    /// The time to live in whole seconds, as etcd's leases have it; `nil` for ever.
    var leaseSeconds: Int64?

    /// When the node is let go unless the registration is repeated.
    var deadline: ContinuousClock.Instant?

    /// What was last known to stand in etcd; `nil` if that isn't certain.
    var stored: Stored?

    /// Creates what is held of a node.
    ///
    /// - Parameters:
    ///   - record: The service with one node.
    ///   - key: The node's key.
    ///   - timeToLive: How long the node stays without being renewed; `nil` for ever.
    init(_ record: ServiceRecord, key: String, timeToLive: Duration?) {
        self.key = key
        value = record.json()
        guard let timeToLive = timeToLive.map({ min($0, Self.longest) }) else { return }
        let (seconds, attoseconds) = timeToLive.components
        leaseSeconds = max(1, attoseconds > 0 ? seconds + 1 : seconds)
        deadline = .now + timeToLive
    }

    /// The longest lease that etcd grants is some 285 years; nobody will notice the difference.
    private static let longest = Duration.seconds(100 * 365 * 86400)
}
