internal import Logging
public import MicroCore
internal import MicroDNS
internal import MicroInterfaces
internal import MicroPluginKit
internal import NIOCore
internal import Synchronization

/// The directory without a server: services announce themselves to the local network.
///
/// It speaks the multicast DNS of go-micro v2, so Go services find ours and ours find theirs, on one
/// machine or on all that share a link.
///
/// ```swift
/// let service = MicroService("greeter", registry: .mdns) { … }
/// ```
///
/// ## Behaviour
///
/// - A lookup asks all interfaces. Without an answer it returns after ``Configuration/timeout``, with answers when
///   no new one came for 25 ms or twice as long as the last one took, and a second after the timeout at the
///   latest; one that is cut off then is logged as a warning. A list of services waits a second more for its
///   first answer. A service that is being watched is answered from
///   what is known.
/// - A node's description has at most 2 MiB of JSON with 65,536 objects, arrays and map entries, and fits a
///   datagram once it is compressed; that is about 1,000 endpoints of go-micro's. What others send beyond that is
///   left out, and so is what one sender sends beyond 16 MiB in a second.
/// - A node that doesn't say goodbye disappears two minutes after it was last heard.
/// - A node needs an IP address and a port; metadata of a service, other than a node's, doesn't travel.
/// - Nothing starts before ``run()``. Calls before that wait for it, for up to five seconds.
public final class MDNSRegistry: Registry {
    private struct State {
        var configuration: Configuration
        var isConfigured: Bool
    }

    /// How often an interface is tried again at which mDNS can't take part.
    private static let retryInterval = Duration.seconds(30)

    /// How often the interfaces are looked at at most.
    private static let shortestInterval = Duration.milliseconds(200)

    /// The name, `mdns`.
    public let name = "mdns"

    private let directory = RegistryDirectory(isSynced: false)
    private let gate = RunGate<Engine>("The mDNS registry", allowsRestart: true)
    private let state: Mutex<State>

    /// Creates a registry.
    ///
    /// - Parameter configuration: How it behaves; `nil` takes it from the service that uses it.
    public init(configuration: Configuration? = nil) {
        state = Mutex(
            State(configuration: configuration ?? .defaults, isConfigured: configuration != nil))
    }

    /// Takes the configuration of the service, unless it was given in code.
    ///
    /// - Parameter context: The service's configuration and identity.
    /// - Throws: A ``StartError`` if a variable can't be used.
    public func prepare(_ context: PluginContext) throws {
        guard !state.withLock(\.isConfigured) else { return }
        let configuration = try Configuration(context: context)
        state.withLock { $0.configuration = configuration }
    }

    /// Holds nodes in the directory.
    ///
    /// - Parameters:
    ///   - record: The service, with the nodes to hold.
    ///   - timeToLive: How long the nodes stay without being renewed; `nil` forever.
    /// - Throws: A ``MicroError`` with the status `invalidArgument` if the record lacks something, an address
    ///   isn't an IP address and a port, or the record is too large for a datagram; `unavailable` if the
    ///   registry doesn't run.
    public func register(_ record: ServiceRecord, timeToLive: Duration?) async throws {
        try record.checkRegistration(timeToLive: timeToLive)
        try await engine().register(record, timeToLive: timeToLive)
    }

    /// Removes nodes from the directory, by their keys alone.
    ///
    /// - Parameter record: The service, with the nodes to remove.
    /// - Throws: A ``MicroError`` with the status `unavailable` if the registry doesn't run.
    public func deregister(_ record: ServiceRecord) async throws {
        try await engine().deregister(record)
    }

    /// Returns what is known of a service.
    ///
    /// - Parameter service: The name of the service.
    /// - Returns: One record for each version; empty if the service is unknown.
    /// - Throws: A ``MicroError`` with the status `unavailable` if the registry doesn't run.
    public func lookup(_ service: String) async throws -> [ServiceRecord] {
        try await engine().lookUp(service)
    }

    /// Returns the names of all services.
    ///
    /// - Returns: The names, sorted.
    /// - Throws: A ``MicroError`` with the status `unavailable` if the registry doesn't run.
    public func services() async throws -> [String] {
        try await engine().services()
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

    /// Takes part in mDNS until the task is cancelled, and then takes the registered nodes back.
    ///
    /// It follows the machine's network: interfaces that come, go or get another address are opened and closed
    /// as they do. Without any it warns once, and waits for one.
    ///
    /// - Throws: A ``StartError`` if a chosen interface is unknown, or it runs already.
    public func run() async throws {
        try gate.begin()
        let engine: Engine
        do {
            engine = try await start()
        } catch {
            let error = error as? StartError ?? StartError(.unavailable, "mDNS can't be used: \(error)")
            let failure = MicroError(.unavailable, error.message, processed: .no)
            gate.end(throwing: failure)
            directory.fail(failure)
            throw error
        }
        gate.ready(engine)
        engine.loop.execute { engine.assumeIsolated { $0.watchersChanged() } }
        await withDiscardingTaskGroup { group in
            // Reads the text records of packets, until the task is cancelled.
            group.addTask { await engine.readTexts() }
            await follow(engine)
        }
        gate.end(throwing: Engine.stopped)
        await engine.close()
    }
}

extension MDNSRegistry {
    private func start() async throws -> Engine {
        let configuration = state.withLock(\.configuration)
        guard let names = ServiceNames(domain: configuration.domain) else {
            throw StartError(
                .invalidConfiguration,
                "MICRO_REGISTRY_DOMAIN is \"\(configuration.domain)\", which is not a domain name.")
        }
        try NetworkInterface.check(configuration.interfaces)
        // What an earlier run has learnt is too old to be believed.
        directory.replace(with: [], service: nil)
        let engine = Engine(
            names: names, timeout: TimeAmount(configuration.timeout), directory: directory,
            logger: Logger.current)
        await engine.adapt(to: NetworkInterface.choose(configuration.interfaces))
        return engine
    }

    /// Lets the engine follow the machine's network until the task is cancelled.
    private func follow(_ engine: Engine) async {
        let interfaces = state.withLock(\.configuration.interfaces)
        while !Task.isCancelled {
            // Taken before the look at the interfaces, so that no change is missed between the two.
            let change = NetworkMonitor.shared.nextChange
            await engine.adapt(to: NetworkInterface.choose(interfaces))
            if await engine.isComplete {
                await change.wait()
            } else {
                _ = await change.wait(until: .now + Self.retryInterval)
            }
            // A socket that dies as soon as it is opened must not keep a core busy.
            try? await Task.sleep(for: Self.shortestInterval)
        }
    }

    private func watchersChanged() {
        guard let engine = gate.current else { return }
        engine.loop.execute { engine.assumeIsolated { $0.watchersChanged() } }
    }

    /// Returns the engine once it runs.
    private func engine() async throws -> Engine {
        try Task.checkCancellation()
        do throws(MicroError) {
            return try await gate.resource()
        } catch {
            try Task.checkCancellation()
            throw error
        }
    }
}

extension Registry where Self == MDNSRegistry {
    /// The mDNS registry, configured by the environment of the service that uses it.
    public static var mdns: Self { MDNSRegistry() }

    /// Returns the mDNS registry with a configuration.
    ///
    /// - Parameter configuration: How it behaves.
    /// - Returns: The registry.
    public static func mdns(_ configuration: MDNSRegistry.Configuration) -> Self {
        MDNSRegistry(configuration: configuration)
    }
}
