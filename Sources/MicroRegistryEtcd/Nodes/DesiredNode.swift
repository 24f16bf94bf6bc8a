internal import MicroCore
internal import MicroWire

/// A node that the process wants to stand in etcd.
struct DesiredNode: Sendable {
    /// What stands at a key.
    struct Content: Hashable, Sendable {
        var value: [UInt8]
        var lease: Int64?
    }

    /// The key.
    var key: String

    /// What is to stand there: the record with this node alone, as go-micro writes it.
    var value: [UInt8]

    /// The time to live in whole seconds, as etcd's leases have it; `nil` forever.
    var leaseSeconds: Int64?

    /// When the node is let go unless the registration is repeated, in the registrar's age; `nil` if never, or while
    /// it is being repeated: on a slow etcd that may take longer than the time to live.
    private(set) var deadline: Duration?

    private let timeToLive: Duration?

    /// What was last sent to etcd; `nil` if nothing was, or if it has gone with its lease.
    ///
    /// Whether it stands there is found out by reading.
    var written: Content?

    /// Creates what is held of a node.
    ///
    /// - Parameters:
    ///   - record: The service with one node.
    ///   - key: The node's key.
    ///   - timeToLive: How long the node stays without being renewed; `nil` forever.
    init(_ record: ServiceRecord, key: String, timeToLive: Duration?) {
        self.key = key
        value = record.json()
        self.timeToLive = timeToLive.map { min($0, Self.longest) }
        guard let (seconds, attoseconds) = self.timeToLive?.components else { return }
        leaseSeconds = max(1, attoseconds > 0 ? seconds + 1 : seconds)
    }

    /// Counts the time to live from now on: the registration was repeated.
    mutating func renew(now: Duration) { deadline = timeToLive.map { now + $0 } }

    /// The longest lease that etcd grants is some 285 years; nobody will notice the difference.
    private static let longest = Duration.seconds(100 * 365 * 86400)
}
