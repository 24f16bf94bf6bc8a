internal import Logging
import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// What a client is made of once it runs.
final class ClientEngine: Sendable {
    /// The number of services that are watched at most; beyond it, the least recently used one goes.
    private static let serviceLimit = 1000

    /// The number of methods and addresses that are remembered at most; beyond it, all are forgotten.
    private static let memoLimit = 1000

    private struct State {
        var entries: [String: DiscoveredService] = [:]
        var addresses: [String: PooledConnection] = [:]
        var methods: [MethodKey: any AnyObject & Sendable] = [:]
    }

    let settings: ClientSettings
    let codecs: CodecSet
    let middleware: [any ClientMiddleware]
    let publisherMiddleware: [any PublisherMiddleware]

    /// What the code says of methods.
    private let serviceConfig: ServiceConfig

    /// The selector of services and calls that have none of their own.
    let selection: SelectorUse

    /// How the nodes of particular services are chosen.
    let routing: [String: Routing]
    let registry: (any Registry)?

    /// The parts, of which some are made only once they are used, as the broker is.
    let parts: PartResolver

    /// What goes with each call: `micro-from-service`, if a service owns the client.
    let metadata: Metadata

    /// The clock of what waits, but for deadlines of calls.
    let time: TimeSource

    /// The retries of calls to addresses, of which no service is known.
    let addressBudget: RetryBudget

    /// What is measured; `nil` if nobody wants that.
    let metrics: EngineMetrics?

    /// What makes spans; `nil` if nobody wants that.
    let tracing: EngineTracing?

    private let transports: TransportTable
    private let pool: ConnectionPool
    private let actions = ClientActions()
    private let tick = Atomic<UInt64>(1)

    /// What makes this client's subset of a service's nodes another one than other clients'.
    private let subsetSeed = UInt64.random(in: .min ... .max)

    /// The selectors that calls have named.
    let namedSelectors = Mutex<[String: SelectorUse]>([:])

    /// Chooses at random which calls a canary gets.
    let random = SharedRandom()
    private let state = Mutex(State())

    init(
        settings: ClientSettings, codecs: CodecSet, middleware: [any ClientMiddleware],
        publisherMiddleware: [any PublisherMiddleware], selector: any Selector, registry: (any Registry)?,
        transports: TransportTable, parts: PartResolver, serviceConfig: ServiceConfig,
        routing: [String: Routing] = [:],
        metadata: Metadata, time: TimeSource, metrics: EngineMetrics? = nil,
        tracing: EngineTracing? = nil
    ) {
        self.settings = settings
        self.serviceConfig = serviceConfig
        addressBudget = RetryBudget(settings.retryBudget, now: Uptime(time.now))
        self.codecs = codecs
        self.middleware = middleware
        self.publisherMiddleware = publisherMiddleware
        selection = SelectorUse(selector)
        self.routing = routing
        self.registry = registry
        self.parts = parts
        self.transports = transports
        self.metadata = metadata
        self.time = time
        self.metrics = metrics
        self.tracing = tracing
        pool = ConnectionPool(
            size: settings.poolSize, timeToLive: settings.poolTimeToLive, actions: actions, time: time)
        observe(pool)
    }

    /// What is known of the services that are called.
    var services: [DiscoveredService] { state.withLock { $0.entries.values.map(\.self) } }

    /// The present moment in a measure that is coarse and costs nothing: it says which entry was used last.
    var now: UInt64 { tick.load(ordering: .relaxed) }

    /// Returns the method of a key; makes it if it isn't remembered.
    func method<Request: Sendable, Reply: Sendable>(
        _ key: MethodKey, make: () -> RPCMethod<Request, Reply>
    ) -> RPCMethod<Request, Reply> {
        state.withLock { state in
            if let method = state.methods[key] as? RPCMethod<Request, Reply> { return method }
            if state.methods.count >= Self.memoLimit { state.methods = [:] }
            let method = make()
            state.methods[key] = method
            return method
        }
    }

    /// Returns what code and configuration say of a method's calls.
    func policy(path: String, service: String) -> ServiceConfig.Method {
        let code = serviceConfig.method(path: path, service: service)
        let file = settings.serviceConfig.method(path: path, service: service)
        let isHedgedByCode = code?.hedging != nil
        return ServiceConfig.Method(
            names: [], timeout: code?.timeout ?? file?.timeout, retry: code?.retry ?? file?.retry,
            hedging: code?.retry != nil && !isHedgedByCode ? nil : code?.hedging ?? file?.hedging)
    }

    /// Returns the entry of a service; the first use of a service begins to watch it.
    func entry(_ service: String) throws(MicroError) -> DiscoveredService {
        guard registry != nil else {
            throw ClientErrors.unavailable(
                "The client has no registry to find \(service) in. Link one, or give the call an address.")
        }
        let (entry, isNew, evicted) = state.withLock {
            state -> (DiscoveredService, Bool, DiscoveredService?) in
            if let entry = state.entries[service] { return (entry, false, nil) }
            let evicted = state.entries.count >= Self.serviceLimit ? Self.evict(&state) : nil
            let entry = makeEntry(service)
            state.entries[service] = entry
            return (entry, true, evicted)
        }
        entry.lastUse.store(now, ordering: .relaxed)
        evicted?.drop()
        if isNew { actions.watch(entry) }
        return entry
    }

    /// How the nodes of a service are chosen, where that isn't the client's way.
    private func routing(of service: String) -> Routing? {
        let own = routing[service]
        guard own?.selector == nil, let name = serviceConfig.selector ?? settings.serviceConfig.selector
        else {
            return own
        }
        return Routing(selector: .named(name), filter: own?.filter, canary: own?.canary)
    }

    private func makeEntry(_ service: String) -> DiscoveredService {
        let detector = OutlierDetector(service: service, settings: settings.outliers, time: time)
        return DiscoveredService(
            service: service, routing: routing(of: service), transports: transports, pool: pool,
            rules: NodeRules(settings: settings.selection, detector: detector, seed: subsetSeed),
            budget: RetryBudget(serviceConfig.budget ?? settings.retryBudget, now: Uptime(time.now)))
    }

    private static func evict(_ state: inout State) -> DiscoveredService? {
        let oldest = state.entries.values.min {
            $0.lastUse.load(ordering: .relaxed) < $1.lastUse.load(ordering: .relaxed)
        }
        if let oldest { state.entries[oldest.service] = nil }
        return oldest
    }

    /// Returns the place of the connection to an address that a user gave.
    func slot(address: String) throws(MicroError) -> PooledConnection {
        if let slot = state.withLock({ $0.addresses[address] }) { return slot }
        let made: PooledConnection?
        do throws(StartError) {
            made = try makeSlot(address)
        } catch {
            throw ClientErrors.unavailable(error.message)
        }
        guard let slot = made else {
            throw ClientErrors.invalid(
                "The address \"\(address.printableAddress())\" is not of the form host:port.")
        }
        return state.withLock { state in
            if let slot = state.addresses[address] { return slot }
            if state.addresses.count >= Self.memoLimit { state.addresses = [:] }
            state.addresses[address] = slot
            return slot
        }
    }

    /// Returns a place for the connection to an address; `nil` if the text is none.
    private func makeSlot(_ address: String) throws(StartError) -> PooledConnection? {
        if let host = Self.host(address) {
            return PooledConnection(
                Candidate(Node(id: address, address: address)), name: .host(host),
                transport: try transports.forAddresses(), pool: pool)
        }
        guard let (name, transport) = try transports.forNamedAddress(address) else { return nil }
        return PooledConnection(
            Candidate(Node(id: address, address: name)), name: .host(name), transport: transport, pool: pool)
    }

    private static func host(_ address: String) -> String? {
        if address.hasPrefix("unix:") { return "localhost" }
        guard let (host, port) = HostPort.split(address), port != nil, !host.isEmpty else { return nil }
        return host
    }

    /// Does the client's work until the task is cancelled, and closes everything.
    func run() async {
        await withDiscardingTaskGroup { group in
            // Closes unused connections until the group is cancelled below.
            group.addTask { await self.sweepRepeatedly() }
            // Ends with the group as well, or at once if there is nothing to do.
            group.addTask { [metrics, time] in await metrics?.collectRepeatedly(time) }
            for await action in actions.stream {
                // A watch ends when its entry is dropped, closing when the connection's last call has ended
                // or its limit has passed, and a probe at its limit; cancelling the group cuts all short.
                group.addTask { await self.perform(action) }
            }
            // The task was cancelled: the stream ends by nothing else.
            group.cancelAll()
            await stop()
        }
    }

    private func perform(_ action: ClientActions.Action) async {
        switch action {
        case .watch(let entry):
            if let registry { await entry.watch(registry) }
        case .close(let connection):
            await close(connection)
        case .probe(let slot):
            await slot.probe()
        }
    }

    /// Closes a connection; its calls may finish unless the client stops.
    private func close(_ connection: any Connection) async {
        await withDiscardingTaskGroup { group in
            let isClosed = Latch()
            // Ends with the connection: when its calls have ended, when the limit has passed, or at the
            // word of the second task.
            group.addTask {
                await connection.close(deadline: .now + .seconds(60))
                isClosed.open()
            }
            group.addTask {
                // Waits for the first task, or is cancelled when the client stops.
                await isClosed.wait()
                if !isClosed.isOpen { await connection.close(deadline: .now) }
            }
        }
    }

    private func sweepRepeatedly() async {
        let interval = settings.outliers.interval
        let pause = min(settings.poolTimeToLive / 2, .seconds(10), interval)
        var intervalEnd = time.now + interval
        while (try? await time.sleep(for: pause)) != nil {
            let now = time.now
            pool.sweep(now: now)
            tick.wrappingAdd(1, ordering: .relaxed)
            guard now >= intervalEnd, settings.outliers.isOn else { continue }
            intervalEnd = now + interval
            for entry in state.withLock({ Array($0.entries.values) }) { entry.endInterval() }
        }
    }

    private func stop() async {
        actions.finish()
        let entries = state.withLock { state in
            defer { state = State() }
            return state.entries.values.map(\.self)
        }
        for entry in entries { entry.drop() }
        await withDiscardingTaskGroup { group in
            for connection in pool.stop() {
                // All at once; each ends at once, since its deadline has passed.
                group.addTask { await connection.close(deadline: .now) }
            }
        }
    }

    /// Records that the registry is lost for good.
    func registryFailed(_ error: any Error) {
        let entries = state.withLock { $0.entries.values.map(\.self) }
        for entry in entries { entry.fail(error) }
    }
}

/// What tells the methods of a client from each other.
struct MethodKey: Hashable, Sendable {
    let service: String
    let endpoint: String
    let subtype: String?
    let request: ObjectIdentifier
    let reply: ObjectIdentifier
}
