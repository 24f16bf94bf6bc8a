public import MicroCore
internal import MicroEtcd
internal import MicroPluginKit
internal import Synchronization

/// The directory in an etcd cluster, as go-micro v2 keeps it: Go services find ours and ours find theirs.
///
/// ```swift
/// let service = MicroService("greeter", registry: .etcd("10.0.0.1:2379", "10.0.0.2:2379")) { … }
/// ```
///
/// ## Behaviour
///
/// - A node stands at go-micro's key with go-micro's JSON, under a lease that the process keeps alive. An
///   unchanged repetition only reads whether it still stands there.
/// - What the process holds is put there again when the lease, the key or etcd's data were lost, and taken out
///   when its registration isn't repeated for its time to live.
/// - A watch tells every change, also those that happened while the connection was lost. Lookups of a watched
///   service are answered from what is known, also while etcd is away; others ask etcd.
/// - Any member of the cluster can fail: another one is used.
/// - Nothing starts before ``run()``. Calls before that wait for it, within ``Configuration/timeout``.
public final class EtcdRegistry: Registry {
    private struct State {
        var configuration: Configuration?
        var addresses: [String]?
        var core: EtcdCore?
    }

    /// The name, `etcd`.
    public let name = "etcd"

    private let directory = RegistryDirectory(isSynced: false)
    private let gate = RunGate<Void>("The etcd registry", allowsRestart: true)
    private let state: Mutex<State>
    private let clock: any Clock<Duration>

    /// Creates a registry.
    ///
    /// - Parameters:
    ///   - configuration: How it is set up; `nil` takes it from the service that uses it.
    ///   - clock: The clock on which times to live and pauses pass; leases are etcd's, and pass on its clock.
    public init(configuration: Configuration? = nil, clock: any Clock<Duration> = ContinuousClock()) {
        state = Mutex(State(configuration: configuration))
        self.clock = clock
    }

    /// Creates a registry whose addresses are given; the rest is taken from the service that uses it.
    ///
    /// - Parameter addresses: The members of the cluster.
    public init(addresses: [String]) {
        state = Mutex(State(addresses: addresses))
        clock = ContinuousClock()
    }

    /// Takes the configuration of the service, unless it was given in code, and reads the certificates.
    ///
    /// - Parameter context: The service's configuration and identity.
    /// - Throws: A ``StartError`` that names the variable, address or file that can't be used.
    public func prepare(_ context: PluginContext) throws {
        let (given, addresses) = state.withLock { ($0.configuration, $0.addresses) }
        var configuration = try given ?? Configuration(context: context)
        configuration.addresses = addresses ?? configuration.addresses
        let core = try EtcdCore(configuration, directory: directory, clock: clock)
        state.withLock { $0.core = core }
    }

    /// Holds nodes in the directory.
    ///
    /// - Parameters:
    ///   - record: The service, with the nodes to hold.
    ///   - timeToLive: How long the nodes stay without being renewed; `nil` forever.
    /// - Throws: A ``MicroError`` with the status `unavailable` that names the address and the reason if etcd
    ///   can't be reached, or `invalidArgument` if the record has no name or node, or is too long for etcd.
    public func register(_ record: ServiceRecord, timeToLive: Duration?) async throws {
        try record.checkRegistration(timeToLive: timeToLive)
        let registrar = try core().registrar
        for node in record.nodes {
            var single = record
            single.nodes = [node]
            try await registrar.register(single, timeToLive: timeToLive)
        }
    }

    /// Removes nodes from the directory, by their keys alone.
    ///
    /// - Parameter record: The service, with the nodes to remove.
    /// - Throws: A ``MicroError`` with the status `unavailable` if etcd can't be reached.
    public func deregister(_ record: ServiceRecord) async throws {
        let registrar = try core().registrar
        for node in record.keys { try await registrar.deregister(node) }
    }

    /// Returns what is known of a service.
    ///
    /// - Parameter service: The name of the service.
    /// - Returns: One record for each version; empty if the service is unknown.
    /// - Throws: A ``MicroError`` with the status `unavailable` if etcd can't be reached, and nobody watches the
    ///   service.
    public func lookup(_ service: String) async throws -> [ServiceRecord] {
        let core = try core()
        // The last one who watches it may go in this moment, and what is known with him.
        if core.watches.isSynced(.service(service)), let known = directory.syncedLookup(service) {
            return known
        }
        return try await list(core, core.layout.range(of: service)).filter { $0.name == service }
    }

    /// Returns the names of all services.
    ///
    /// - Returns: The names, sorted.
    /// - Throws: A ``MicroError`` with the status `unavailable` if etcd can't be reached, and nobody watches all
    ///   services.
    public func services() async throws -> [String] {
        let core = try core()
        if core.watches.isSynced(.all), let known = directory.syncedServices { return known }
        return Set(try await list(core, core.layout.all).map(\.name)).sorted()
    }

    /// Returns the changes of a service's nodes, as a sequence that begins with the present ones.
    ///
    /// - Parameter service: The name of the service; `nil` watches all.
    /// - Returns: The changes. Each sequence is read by one task.
    public func watch(_ service: String?) -> RegistryChanges {
        let changes = directory.watch(service) { [weak self] in self?.watchersChanged() }
        watchersChanged()
        return changes
    }

    /// Keeps connection, lease and watches alive until the task is cancelled, and then gives the lease back.
    ///
    /// An etcd that can't be reached is tried again without end. A registry whose run was cancelled and has
    /// returned can be run again: calls between the two fail at once, and watches go on with the second.
    ///
    /// - Throws: A ``StartError`` if etcd refuses the user or the certificate at the start, or we its, or if it
    ///   runs already.
    public func run() async throws {
        try gate.begin()
        defer { gate.end() }
        do {
            try await core().run()
        } catch let error as StartError {
            directory.fail(MicroError(.unavailable, error.message, processed: .no))
            throw error
        }
    }
}

extension EtcdRegistry {
    private func core() throws -> EtcdCore {
        if let core = state.withLock(\.core) { return core }
        var configuration = state.withLock { $0.configuration ?? .defaults }
        configuration.addresses = state.withLock(\.addresses) ?? configuration.addresses
        let core = try EtcdCore(configuration, directory: directory, clock: clock)
        return state.withLock { state in
            state.core = state.core ?? core
            return state.core ?? core
        }
    }

    private func watchersChanged() { state.withLock(\.core)?.watches.watchersChanged() }

    private func list(_ core: EtcdCore, _ range: EtcdKeyRange) async throws -> [ServiceRecord] {
        var records: [ServiceRecord] = []
        var reader = RecordReader(unreadable: core.unreadable)
        do throws(EtcdError) {
            _ = try await core.client.list(range) { page, isFirst in
                if isFirst { records = [] }
                for pair in page {
                    let key = String(decoding: pair.key, as: UTF8.self)
                    if let record = reader.read(pair.value, at: key) { records.append(record) }
                }
            }
        } catch {
            throw MicroError(error)
        }
        return ServiceRecord.merge(records)
    }
}

extension Registry where Self == EtcdRegistry {
    /// The etcd registry, set up by the variables of the service that uses it.
    public static var etcd: Self { EtcdRegistry() }

    /// Returns the etcd registry of some members; the rest is set up by the variables of the service.
    ///
    /// - Parameter addresses: The members: `host:port`, `http://host:port` or `https://host:port`.
    /// - Returns: The registry.
    public static func etcd(_ addresses: String...) -> Self { EtcdRegistry(addresses: addresses) }

    /// Returns the etcd registry with a configuration.
    ///
    /// - Parameter configuration: How it is set up.
    /// - Returns: The registry.
    public static func etcd(_ configuration: EtcdRegistry.Configuration) -> Self {
        EtcdRegistry(configuration: configuration)
    }
}
