internal import Logging
import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// What a client knows of one service: its nodes, kept up to date by a watch of the registry.
final class DiscoveredService: Sendable {
    private struct State {
        var snapshot: NodeSnapshot?
        var lastChange: Uptime?
        var failure: MicroError?
        /// Nodes that are gone, the latest one last.
        ///
        /// One that comes back goes on where it was, so that a registry which flaps costs no connections.
        var former: [PooledConnection] = []
    }

    /// How many nodes that are gone are remembered, since they may come back.
    private static let formerLimit = 64

    let service: String

    /// How its nodes are chosen where that isn't the client's way.
    let routing: Routing?

    private let transports: TransportTable
    private let pool: ConnectionPool
    private let state = Mutex(State())
    private let rules: NodeRules
    private let refusals = LogThrottle(burst: 1)

    /// The nodes or the registry's first error are known.
    let settled = Latch()

    /// Nobody should use the entry any more.
    let dropped = Latch()

    /// When it was last used, in the client's coarse measure of time.
    let lastUse = Atomic<UInt64>(0)

    /// How many retries of its calls there may be.
    let budget: RetryBudget

    init(
        service: String, routing: Routing? = nil, transports: TransportTable, pool: ConnectionPool,
        rules: NodeRules, budget: RetryBudget
    ) {
        self.service = service
        self.routing = routing
        self.rules = rules
        self.budget = budget
        self.transports = transports
        self.pool = pool
    }

    /// The nodes, if they are known.
    var snapshot: NodeSnapshot? { state.withLock { $0.snapshot } }

    /// How often the connections of the nodes that are known were used.
    var uses: UInt64 { snapshot?.slots.reduce(0) { $0 &+ $1.uses } ?? 0 }

    /// When the registry last reported the nodes.
    var lastChange: Uptime? { state.withLock { $0.lastChange } }

    /// Forgets the nodes and ends the watch: the entry had to make room, or the client stops.
    func drop() {
        dropped.open()
        state.withLock { state in
            state.snapshot = nil
            state.former = []
        }
        settled.open()
    }

    /// Returns the nodes; waits for the registry's first answer.
    ///
    /// Once there was an answer, the nodes are those of the last one, however the registry is.
    func nodes(deadline: ContinuousClock.Instant) async throws(MicroError) -> NodeSnapshot {
        if let snapshot { return snapshot }
        let isSettled = await settled.wait(until: deadline)
        if Task.isCancelled { throw ClientErrors.cancelled() }
        if dropped.isOpen { throw ClientErrors.unavailable("The client has stopped, or is very busy.") }
        let (snapshot, failure) = state.withLock { ($0.snapshot, $0.failure) }
        if let snapshot { return snapshot }
        if let failure { throw failure }
        guard isSettled else { throw ClientErrors.deadlineExceeded("the registry did not answer in time") }
        throw ClientErrors.notFound(service)
    }

    /// Follows the registry until the task is cancelled or the entry is dropped.
    func watch(_ registry: any Registry) async {
        _ = try? await dropped.runUntilOpen {
            await registry.follow(self.service, onUpdate: self.publish, onFailure: self.fail)
        }
    }

    private func publish(_ nodes: [NodeKey: RegisteredNode]) {
        let (old, former) = state.withLock { ($0.snapshot?.slots, $0.former) }
        let known = Dictionary(
            (former + (old ?? [])).map { ($0.node.id, $0) }, uniquingKeysWith: { $1 })
        let present = Set((old ?? []).map(ObjectIdentifier.init))
        var slots: [PooledConnection] = []
        var unspoken: [NodeProtocol: String] = [:]
        var refusedAddress: String?
        for (key, registered) in nodes.sorted(by: {
            ($0.key.id, $0.key.version) < ($1.key.id, $1.key.version)
        }) {
            let node = registered.node
            let endpoints = registered.endpointNames
            if let slot = known[node.id], slot.isFor(node) {
                if !present.contains(ObjectIdentifier(slot)) { slot.health.makeProbeDue() }
                let isSame =
                    slot.node == node && slot.candidate.version == key.version
                    && slot.candidate.endpoints == endpoints
                slots.append(
                    isSame ? slot : slot.renamed(node, version: key.version, endpoints: endpoints))
                continue
            }
            do throws(StartError) {
                let transport = try transports.transport(for: node)
                guard Self.mayBeReached(node.address, by: transport) else {
                    refusedAddress = node.address.printable(limit: 100)
                    continue
                }
                let health = NodeHealth(rules.detector)
                // Those that were there before the client are not new.
                if old?.isEmpty == false, rules.settings.slowStart > .zero {
                    health.warmUp(until: Uptime(rules.detector.time.now + rules.settings.slowStart))
                }
                slots.append(
                    PooledConnection(
                        Candidate(node, version: key.version, endpoints: endpoints), name: .service(service),
                        transport: transport, pool: pool, health: health))
            } catch {
                unspoken[NodeProtocol(of: node)] = error.message
            }
        }
        if let refusedAddress { logRefusal(refusedAddress) }
        install(
            NodeSnapshot(
                slots: slots, rules: rules, idempotent: Self.idempotent(nodes.values), unspoken: unspoken,
                refusedAddress: refusedAddress),
            former: former + (old ?? []))
    }

    /// Returns the endpoints that are idempotent on all nodes that offer them.
    private static func idempotent(_ nodes: some Sequence<RegisteredNode>) -> Set<String> {
        var idempotent: Set<String> = []
        var others: Set<String> = []
        for node in nodes {
            idempotent.formUnion(node.idempotentNames)
            others.formUnion((node.endpointNames ?? []).subtracting(node.idempotentNames))
        }
        return idempotent.subtracting(others)
    }

    private func logRefusal(_ address: String) {
        refusals.admit { _ in
            Logger.current.warning(
                "A node of the registry is passed over: its address is not of the form host:port.",
                metadata: [LogKeys.service: "\(service)", LogKeys.address: "\(address)"])
        }
    }

    private func install(_ snapshot: NodeSnapshot, former: [PooledConnection]) {
        let present = Set(snapshot.slots.map(\.node.id))
        let gone = former.filter { !present.contains($0.node.id) }
        state.withLock { state in
            guard !dropped.isOpen else { return }
            state.snapshot = snapshot
            state.lastChange = .now
            state.former = gone.suffix(Self.formerLimit)
            state.failure = nil
        }
        settled.open()
    }

    /// How often a node was ejected.
    var ejections: Int { rules.detector.ejections }

    /// Ejects a node if it has failed too often in a row.
    func failedInARow(_ count: Int, _ slot: PooledConnection) {
        guard rules.detector.isReason(count), let snapshot else { return }
        rules.detector.failedInARow(count, slot.member, among: snapshot.fleet)
    }

    /// Compares how the nodes have done in the last interval.
    func endInterval() {
        if let snapshot { rules.detector.endInterval(of: snapshot.fleet) }
    }

    /// Returns whether a registry may send a client to an address: to a port of a host, or to a name of a transport
    /// that has names.
    ///
    /// What the user of a client may type beyond that, such as a Unix socket, opens what is meant for this machine
    /// alone, and anyone who can write to the registry need not be of this machine.
    private static func mayBeReached(_ address: String, by transport: any Transport) -> Bool {
        if transport.usesNamedAddresses { return ListenAddress.isName(address) }
        guard !address.hasPrefix("unix:"), let (host, port) = HostPort.split(address), let port else {
            return false
        }
        return port > 0 && !host.isEmpty
    }

    /// Records that the registry can't be reached; nodes that are known stay.
    func fail(_ error: any Error) {
        Logger.current.warning(
            "The registry can't be watched; known nodes are used further.",
            metadata: [LogKeys.service: "\(service)", LogKeys.error: "\("\(error)".printable(limit: 2000))"])
        let failure = ClientErrors.unavailable(
            "The registry can't tell the nodes of \(service): \(error)", cause: error)
        state.withLock { $0.failure = failure }
        settled.open()
    }
}
