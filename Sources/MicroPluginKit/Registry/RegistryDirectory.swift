public import MicroCore
import Synchronization

/// The nodes that a registry knows of, and those who watch them.
///
/// Registries are built on it: they tell it what they learn, and it answers lookups, keeps the order
/// of changes, and serves every watcher with the present nodes, ``RegistryChange/synced`` and the
/// changes, without a buffer that could grow without bound. It is safe to use from any thread.
public final class RegistryDirectory: Sendable {
    private struct State {
        /// The nodes of each service that has any.
        var nodes: [String: [NodeKey: ServiceRecord]] = [:]

        /// Those who watch each service; all services if `nil`.
        var watchers: [String?: [Int: Watcher]] = [:]
        var nextWatcher = 0
        var isSynced: Bool
        var syncedServices: Set<String> = []
        var failure: (any Error)?

        /// Tells those who watch a service of a change.
        ///
        /// - Returns: Those who were told. The caller resumes them, and drops them, outside of the lock: a reader
        ///   that is cancelled takes it, and so does a watcher whose last reference goes.
        func notify(_ change: RegistryChange, service: String) -> [Notification] {
            (queues(of: service) + queues(of: nil)).map { Notification($0, $0.push(change)) }
        }

        /// The queues of those who watch a service, or of those who watch all.
        func queues(of service: String?) -> [ChangeQueue] {
            watchers[service]?.values.compactMap(\.queue) ?? []
        }

        /// Returns what is known of a service; see ``RegistryDirectory/lookup(_:)``.
        func lookup(_ service: String) -> [ServiceRecord] {
            let records = nodes[service].map { Array($0.values) } ?? []
            return ServiceRecord.merge(
                records.sorted { ($0.nodes.first?.id ?? "") < ($1.nodes.first?.id ?? "") })
        }
    }

    /// One who watches; the reader alone keeps the queue alive.
    private struct Watcher {
        weak var queue: ChangeQueue?
    }

    /// A watcher that was notified of a change, whose reader has yet to be resumed.
    private struct Notification {
        let queue: ChangeQueue
        let delivery: ChangeQueue.Delivery?

        init(_ queue: ChangeQueue, _ delivery: ChangeQueue.Delivery?) {
            self.queue = queue
            self.delivery = delivery
        }
    }

    private let state: Mutex<State>

    /// Creates a directory without nodes.
    ///
    /// - Parameter isSynced: Whether what it holds is all that there is. If not, watchers get
    ///   ``RegistryChange/synced`` once ``markSynced()`` or ``markSynced(service:)`` is called.
    public init(isSynced: Bool) {
        state = Mutex(State(isSynced: isSynced))
    }

    /// Puts nodes in, or replaces what is known of them.
    ///
    /// - Parameter record: The service, with the nodes to put in.
    /// - Returns: Whether anything changed.
    @discardableResult
    public func insert(_ record: ServiceRecord) -> Bool {
        let told = state.withLock { state in
            var told: [[Notification]] = []
            for (node, key) in zip(record.nodes, record.keys) {
                var single = record
                single.nodes = [node]
                guard state.nodes[key.service, default: [:]].updateValue(single, forKey: key) != single
                else { continue }
                told.append(state.notify(.up(single), service: record.name))
            }
            return told
        }
        for notification in told.joined() { notification.delivery?() }
        return !told.isEmpty
    }

    /// Takes a node out.
    ///
    /// - Parameter key: The node; one that isn't there is no error.
    /// - Returns: Whether it was there.
    @discardableResult
    public func remove(_ key: NodeKey) -> Bool {
        let told = state.withLock { state -> [Notification]? in
            let known = state.nodes[key.service]?.removeValue(forKey: key)
            if state.nodes[key.service]?.isEmpty == true { state.nodes[key.service] = nil }
            return known.map { _ in state.notify(.down(key), service: key.service) }
        }
        for notification in told ?? [] { notification.delivery?() }
        return told != nil
    }

    /// Makes the directory hold exactly some nodes of a service, and tells watchers the difference.
    ///
    /// - Parameters:
    ///   - records: The nodes that are present.
    ///   - service: The service that they are all the nodes of; `nil` if they are all that there is.
    public func replace(with records: [ServiceRecord], service: String?) {
        let present = Set(records.flatMap(\.keys))
        let gone = state.withLock { state -> [NodeKey] in
            let services = service.map { [$0] } ?? Array(state.nodes.keys)
            return services.flatMap { state.nodes[$0]?.keys.filter { !present.contains($0) } ?? [] }
        }
        for key in gone { remove(key) }
        for record in records { insert(record) }
    }

    /// Returns what is known of a service, one record for each version.
    ///
    /// - Parameter service: The name of the service.
    /// - Returns: The records, sorted by version, nodes by id; empty if the service is unknown.
    public func lookup(_ service: String) -> [ServiceRecord] {
        state.withLock { state in state.lookup(service) }
    }

    /// Returns what is known of a service, if that is all that there is.
    ///
    /// It is for a registry that learns of services only while they are watched: what it knows can be forgotten
    /// at any moment, and must not be taken for the end of the service.
    ///
    /// - Parameter service: The name of the service.
    /// - Returns: The records as ``lookup(_:)`` returns them; `nil` if ``forgetUnwatched(keeping:)`` has forgotten
    ///   the service, or it was never synced.
    public func syncedLookup(_ service: String) -> [ServiceRecord]? {
        state.withLock { state in
            guard state.isSynced || state.syncedServices.contains(service) else { return nil }
            return state.lookup(service)
        }
    }

    /// The names of all services, sorted; `nil` if these are not surely all that there are.
    public var syncedServices: [String]? {
        state.withLock { state in state.isSynced ? Array(state.nodes.keys) : nil }?.sorted()
    }

    /// The names of all services, sorted.
    public var services: [String] {
        state.withLock { state in Array(state.nodes.keys) }.sorted()
    }

    /// Returns the changes of a service's nodes, as ``Registry/watch(_:)`` promises them.
    ///
    /// - Parameters:
    ///   - service: The name of the service; `nil` watches all.
    ///   - onEnd: Called when nobody reads the changes any more, once or more often.
    /// - Returns: The changes.
    public func watch(_ service: String?, onEnd: @escaping @Sendable () -> Void = {}) -> RegistryChanges {
        let number = state.withLock { state in
            state.nextWatcher += 1
            return state.nextWatcher
        }
        let queue = ChangeQueue { [weak self] in
            self?.dropWatcher(number, of: service)
            onEnd()
        }
        state.withLock { state in
            // Nobody reads the queue yet, so there is nothing to deliver.
            if let failure = state.failure {
                _ = queue.finish(throwing: failure)
                return
            }
            state.watchers[service, default: [:]][number] = Watcher(queue: queue)
            let services = service.map { [$0] } ?? Array(state.nodes.keys)
            for record in services.compactMap({ state.nodes[$0]?.values }).joined() {
                _ = queue.push(.up(record))
            }
            if state.isSynced || service.map(state.syncedServices.contains) == true {
                _ = queue.push(.synced)
            }
        }
        return RegistryChanges { try await queue.next() }
    }

    /// Tells all watchers that the present nodes are known.
    public func markSynced() {
        let told = state.withLock { state -> [ChangeQueue] in
            guard !state.isSynced else { return [] }
            state.isSynced = true
            return state.watchers.keys
                .filter { $0.map(state.syncedServices.contains) != true }
                .flatMap(state.queues)
        }
        for queue in told { queue.push(.synced)?() }
    }

    /// Tells the watchers of one service that its present nodes are known.
    ///
    /// - Parameter service: The name of the service.
    public func markSynced(service: String) {
        let told = state.withLock { state -> [ChangeQueue] in
            guard !state.isSynced, state.syncedServices.insert(service).inserted else { return [] }
            return state.queues(of: service)
        }
        for queue in told { queue.push(.synced)?() }
    }

    /// The services that somebody watches.
    public var watchedServices: Set<String> {
        state.withLock { state in Set(state.watchers.keys.compactMap(\.self)) }
    }

    /// Forgets what is known of services that nobody watches, so that a later watch begins afresh.
    ///
    /// It is for a registry that learns of services only while they are watched.
    ///
    /// - Parameter own: The nodes to keep all the same.
    /// - Returns: The services that are watched, and whether all are.
    public func forgetUnwatched(keeping own: Set<NodeKey>) -> (services: Set<String>, all: Bool) {
        state.withLock { state in
            let services = Set(state.watchers.keys.compactMap(\.self))
            let all = state.watchers[nil] != nil
            if !all {
                state.syncedServices =
                    state.isSynced ? services : state.syncedServices.intersection(services)
                state.isSynced = false
                for (service, nodes) in state.nodes where !services.contains(service) {
                    let kept = nodes.filter { own.contains($0.key) }
                    state.nodes[service] = kept.isEmpty ? nil : kept
                }
            }
            return (services, all)
        }
    }

    /// Ends all watches, present and future, because the directory is lost for good.
    ///
    /// - Parameter error: The reason, which readers get.
    public func fail(_ error: any Error) {
        let told = state.withLock { state in
            state.failure = error
            defer { state.watchers = [:] }
            return state.watchers.keys.flatMap(state.queues)
        }
        for queue in told { queue.finish(throwing: error)?() }
    }

    private func dropWatcher(_ number: Int, of service: String?) {
        state.withLock { state in
            state.watchers[service]?[number] = nil
            if state.watchers[service]?.isEmpty == true { state.watchers[service] = nil }
        }
    }
}
