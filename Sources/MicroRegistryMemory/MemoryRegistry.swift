public import MicroCore
import MicroPluginKit
import Synchronization

/// A directory that lives in the process: for tests, and for services that share one process.
///
/// ``shared`` is the one of the process, which `MICRO_REGISTRY=memory` and `.memory` stand for.
/// Services that should keep to themselves are given a registry of their own:
///
/// ```swift
/// let registry = MemoryRegistry()
/// let greeter = MicroService("greeter", registry: registry) { … }
/// let client = MicroClient(registry: registry)
/// ```
///
/// Lookups never return a node whose time to live is over. Watchers are told while ``run()`` runs, or
/// with the next use of the registry.
public final class MemoryRegistry: Registry {
    /// The directory of the process.
    public static let shared = MemoryRegistry()

    private let directory = RegistryDirectory(isSynced: true)
    private let deadlines = Mutex(NodeDeadlines())
    private let deadlinesChanged = Condition()
    private let clock: any Clock<Duration>

    /// The time since the directory's beginning.
    private let age: Stopwatch

    /// Creates a directory without nodes.
    ///
    /// - Parameter clock: The clock on which times to live pass.
    public init(clock: any Clock<Duration> = ContinuousClock()) {
        self.clock = clock
        age = Stopwatch(clock)
    }

    /// The name `memory`.
    public var name: String { "memory" }

    /// Holds nodes in the directory.
    ///
    /// - Parameters:
    ///   - record: The service, with the nodes to hold.
    ///   - timeToLive: How long the nodes stay without being renewed; `nil` forever.
    /// - Throws: A `MicroError` with the status `invalidArgument` if the service or a node has no name,
    ///   there is no node, or the time to live is not above zero.
    public func register(_ record: ServiceRecord, timeToLive: Duration?) async throws {
        try record.checkRegistration(timeToLive: timeToLive)
        let deadline = timeToLive.map { age.elapsed + min($0, Self.longestTimeToLive) }
        removeExpired()
        // The directory is changed under the lock of the deadlines, so that a node which is renewed
        // at the moment it expires isn't taken out after it was put in.
        let isEarlier = deadlines.withLock { deadlines in
            directory.insert(record)
            return deadlines.set(deadline, for: record.keys)
        }
        if isEarlier { deadlinesChanged.notifyAll() }
    }

    /// Removes nodes from the directory, by their keys alone.
    ///
    /// - Parameter record: The service, with the nodes to remove.
    public func deregister(_ record: ServiceRecord) async {
        deadlines.withLock { deadlines in
            _ = deadlines.set(nil, for: record.keys)
            for key in record.keys { directory.remove(key) }
        }
    }

    /// Returns what is known of a service.
    ///
    /// - Parameter service: The name of the service.
    /// - Returns: One record for each version; empty if the service is unknown.
    public func lookup(_ service: String) async -> [ServiceRecord] {
        removeExpired()
        return directory.lookup(service)
    }

    /// Returns the names of all services.
    ///
    /// - Returns: The names, sorted.
    public func services() async -> [String] {
        removeExpired()
        return directory.services
    }

    /// Returns the changes of a service's nodes, as a sequence that begins with the present ones.
    ///
    /// - Parameter service: The name of the service; `nil` watches all.
    /// - Returns: The changes.
    public func watch(_ service: String?) -> RegistryChanges {
        removeExpired()
        return directory.watch(service)
    }

    /// Lets nodes go when their time to live is over, until the task is cancelled.
    ///
    /// Several services may run one registry at once.
    public func run() async {
        while !Task.isCancelled {
            let generation = deadlinesChanged.generation
            await deadlinesChanged.wait(since: generation, for: removeExpired(), clock: clock)
        }
    }

    /// Takes the nodes out whose time to live is over.
    ///
    /// - Returns: How long it is until the next one's is.
    @discardableResult
    private func removeExpired() -> Duration? {
        deadlines.withLock { deadlines in
            let now = age.elapsed
            for key in deadlines.takeExpired(at: now) { directory.remove(key) }
            return deadlines.earliest.map { $0 - now }
        }
    }

    /// What a longer time to live is taken for, which nobody will notice.
    private static let longestTimeToLive = Duration.seconds(100 * 365 * 86400)
}

extension Registry where Self == MemoryRegistry {
    /// The directory of the process.
    public static var memory: MemoryRegistry { .shared }
}
