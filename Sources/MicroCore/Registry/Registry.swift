/// A directory of the running services and where to reach them.
///
/// A server registers the node that it is and repeats that while it runs. A client looks the nodes
/// of a service up, or watches them, and picks one for each call.
///
/// Run `RegistryConformance` of `MicroTesting` against a registry that you write;
/// `RegistryDirectory` of `MicroPluginKit` keeps the nodes and serves the watchers for you.
///
/// ## Semantics
///
/// - The unit is a node, keyed by service, version and node id (``NodeKey``). Ids are new for each
///   process.
/// - ``register(_:timeToLive:)`` is declarative: hold exactly this until it is deregistered or the
///   time to live is over. The engine repeats it, and an unchanged record costs no write. If the
///   engine stops repeating it for a time to live, the registry lets the node go.
/// - Calls before ``Part/run()`` is ready wait for it, within their time limit.
/// - All functions may be called concurrently. Cancelling the calling task ends the call.
public protocol Registry: Part {
    /// The name that nodes carry under the metadata key `registry`: `mdns`, `etcd`.
    var name: String { get }

    /// Holds nodes in the directory.
    ///
    /// Repeating it renews the nodes, and replaces what changed.
    ///
    /// - Parameters:
    ///   - record: The service, with the nodes to hold.
    ///   - timeToLive: How long the nodes stay without being renewed; `nil` forever.
    /// - Throws: A ``MicroError`` with the status `unavailable` if the directory can't be reached,
    ///   or `invalidArgument` if the record lacks something, which
    ///   `checkRegistration(timeToLive:)` of `MicroPluginKit` finds, or the directory can't hold such a record.
    func register(_ record: ServiceRecord, timeToLive: Duration?) async throws

    /// Removes nodes from the directory, by their keys alone.
    ///
    /// Removing a node that isn't there is no error.
    ///
    /// - Parameter record: The service, with the nodes to remove.
    /// - Throws: A ``MicroError`` with the status `unavailable` if the directory can't be reached.
    func deregister(_ record: ServiceRecord) async throws

    /// Returns what is known of a service.
    ///
    /// - Parameter service: The name of the service.
    /// - Returns: One record for each version; empty if the service is unknown.
    /// - Throws: A ``MicroError`` with the status `unavailable` if the directory can't be reached.
    func lookup(_ service: String) async throws -> [ServiceRecord]

    /// Returns the names of all services.
    ///
    /// - Returns: The names, sorted.
    /// - Throws: A ``MicroError`` with the status `unavailable` if the directory can't be reached.
    func services() async throws -> [String]

    /// Returns the changes of a service's nodes, as a sequence that begins with the present ones.
    ///
    /// The sequence yields ``RegistryChange/up(_:)`` for each present node, then
    /// ``RegistryChange/synced``, then the changes in the directory's order. A registry that lost
    /// its directory reconnects and yields the difference. It ends only when the task that reads it
    /// is cancelled, or throws if the directory is lost for good. A slow reader gets the latest
    /// state of each node rather than every step: nothing is buffered without bound.
    ///
    /// - Parameter service: The name of the service; `nil` watches all.
    /// - Returns: The changes. Each sequence is read by one task.
    func watch(_ service: String?) -> RegistryChanges
}

/// A change of a directory's nodes.
public enum RegistryChange: Hashable, Sendable {
    /// A node came, or what is known of it changed. The record has this one node.
    case up(ServiceRecord)

    /// A node went.
    case down(NodeKey)

    /// All nodes that were present when the watch began have been yielded.
    case synced
}
