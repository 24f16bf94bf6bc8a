internal import Logging
internal import MicroCore
internal import MicroEtcd
internal import MicroPluginKit
internal import MicroWire

/// Sees to it that the process's nodes stand in etcd, and nothing else of it.
///
/// What is wanted is kept here and brought about by ``reconcile(_:until:)``: in the call that asks for it, and
/// again by ``run()`` whenever it failed, or a lease is lost. The nodes whose registration isn't repeated are
/// let go.
actor Registrar {
    private static let cancelled = MicroError(.cancelled, "The call was cancelled.", processed: .no)

    private let client: EtcdClient

    /// The time since the registrar's beginning.
    private let age: Stopwatch
    private let layout: KeyLayout
    private let turns = KeyedSerialQueue<NodeKey>()
    private let leases: EtcdLeases

    /// Notified when there may be something to do in the background.
    private let stateChanged: Condition

    private var desiredNodes: [NodeKey: DesiredNode] = [:]

    /// The nodes whose state in etcd may not be what is wanted.
    private var unreconciled: Set<NodeKey> = []

    /// The keys of nodes that are no longer wanted and may still stand in etcd.
    private var leftovers: [NodeKey: Set<String>] = [:]

    /// How many nodes are reconciled at once after a lease was lost.
    private static let parallelism = 16

    init(_ client: EtcdClient, layout: KeyLayout) {
        self.client = client
        age = Stopwatch(client.clock)
        self.layout = layout
        let stateChanged = Condition()
        self.stateChanged = stateChanged
        leases = EtcdLeases(client) { _ in
            Logger.current.info("etcd has let a lease go; its nodes are registered again.")
            stateChanged.notifyAll()
        }
    }

    // MARK: Registering

    /// Holds a node; when it returns, etcd has it.
    ///
    /// - Parameters:
    ///   - record: The service with one node.
    ///   - timeToLive: How long the node stays without being renewed; `nil` forever.
    /// - Throws: Why it doesn't; it is tried again all the same.
    func register(_ record: ServiceRecord, timeToLive: Duration?) async throws(MicroError) {
        for node in record.keys {
            let known = desiredNodes[node]
            var desired = DesiredNode(record, key: known?.key ?? freeKey(for: node), timeToLive: timeToLive)
            guard desired.value.count <= ServiceRecord.maximumValueSize else {
                throw MicroError(
                    .invalidArgument,
                    "The record of \(node.id) has \(desired.value.count) bytes; etcd takes at most "
                        + "\(ServiceRecord.maximumValueSize).", processed: .no)
            }
            desired.written = known?.written
            desiredNodes[node] = desired
            leftovers[node]?.remove(desired.key)
            defer {
                desiredNodes[node]?.renew(now: age.elapsed)
                stateChanged.notifyAll()
            }
            do {
                try await reconcile(node, until: .now + client.timeout)
            } catch {
                if desiredNodes[node] != nil { unreconciled.insert(node) }
                throw error
            }
        }
    }

    /// Takes a node out; when it returns, etcd no longer has it.
    func deregister(_ node: NodeKey) async throws(MicroError) {
        guard desiredNodes[node] != nil || leftovers[node] != nil else {
            return try await removeForeign(node)
        }
        letGo(node)
        do {
            try await reconcile(node, until: .now + client.timeout)
        } catch {
            stateChanged.notifyAll()
            throw error
        }
    }

    private func letGo(_ node: NodeKey) {
        guard let desired = desiredNodes.removeValue(forKey: node) else { return }
        leftovers[node, default: []].insert(desired.key)
        unreconciled.insert(node)
    }

    /// Returns go-micro's key of a node, unless it is that of another version that we hold.
    private func freeKey(for node: NodeKey) -> String {
        let plain = layout.key(of: node)
        let isTaken = desiredNodes.contains { $0.key != node && $0.value.key == plain }
        return isTaken ? layout.key(of: node, isPlain: false) : plain
    }

    /// Removes a node that the process doesn't hold, such as one that another has left behind.
    private func removeForeign(_ node: NodeKey) async throws(MicroError) {
        for key in [layout.key(of: node), layout.key(of: node, isPlain: false)] {
            guard let found = try await value(at: key, until: .now + client.timeout),
                let record = try? ServiceRecord(json: found.value), record.keys.contains(node)
            else { continue }
            try await delete(key, until: .now + client.timeout)
        }
    }

    // MARK: Reconciling

    /// Brings about what is wanted of a node.
    private func reconcile(_ node: NodeKey, until deadline: ContinuousClock.Instant) async throws(MicroError)
    {
        try await turns.run(node, cancelled: Self.cancelled) { () async throws(MicroError) in
            for key in leftovers[node] ?? [] {
                try await delete(key, until: deadline)
                leftovers[node]?.remove(key)
            }
            if leftovers[node]?.isEmpty == true { leftovers[node] = nil }
            try await put(node, until: deadline)
            if leftovers[node] == nil { unreconciled.remove(node) }
        }
    }

    /// Puts a node's record to its key, unless it stands there.
    private func put(_ node: NodeKey, until deadline: ContinuousClock.Instant) async throws(MicroError) {
        for _ in 0..<3 {
            guard let desired = desiredNodes[node] else { return }
            let lease = try await lease(of: desired, until: deadline)
            let wanted = DesiredNode.Content(value: desired.value, lease: lease)
            if desired.written == wanted, try await stands(wanted, at: desired.key, until: deadline) {
                return
            }
            // Also a call that fails may have written it, late: the next time it is read before it is repeated,
            // so that a disk that is too slow for the time limit is not given the same work again and again.
            desiredNodes[node]?.written = wanted
            do throws(EtcdError) {
                // Nobody else writes there, so it does no harm to write it twice.
                try await client.put(
                    Array(desired.key.utf8), desired.value, lease: lease, isRepeatable: true, until: deadline)
                return
            } catch {
                guard error.code == .leaseNotFound, let lease else { throw MicroError(error) }
                leases.lost(lease)
            }
        }
        throw MicroError(.unavailable, "etcd takes each new lease back: its disk may be too slow.")
    }

    /// Returns the lease with which a node goes; `nil` if it stays forever.
    private func lease(
        of desired: DesiredNode, until deadline: ContinuousClock.Instant
    ) async throws(MicroError) -> EtcdLease.ID? {
        guard let seconds = desired.leaseSeconds else { return nil }
        do throws(EtcdError) {
            return try await leases.lease(seconds: seconds, until: deadline)
        } catch {
            throw MicroError(error)
        }
    }

    /// Whether something stands at a key.
    private func stands(
        _ content: DesiredNode.Content, at key: String, until deadline: ContinuousClock.Instant
    ) async throws(MicroError) -> Bool {
        guard let found = try await value(at: key, until: deadline) else { return false }
        return found.lease == content.lease && found.value == content.value
    }

    private func value(
        at key: String, until deadline: ContinuousClock.Instant
    ) async throws(MicroError) -> EtcdKeyValue? {
        do throws(EtcdError) {
            return try await client.get(.key(key), until: deadline).keyValues.first
        } catch {
            throw MicroError(error)
        }
    }

    private func delete(_ key: String, until deadline: ContinuousClock.Instant) async throws(MicroError) {
        do throws(EtcdError) {
            try await client.delete(.key(key), isRepeatable: true, until: deadline)
        } catch {
            throw MicroError(error)
        }
    }

    // MARK: Background work

    /// Records what is no longer wanted, and of what stood under a lease that is over.
    private func review() {
        let now = age.elapsed
        for (node, desired) in desiredNodes {
            if let deadline = desired.deadline, deadline <= now {
                letGo(node)
            } else if let lease = desired.written?.lease, !leases.isHeld(lease) {
                desiredNodes[node]?.written = nil
                unreconciled.insert(node)
            }
        }
    }

    /// Keeps the leases alive and reconciles what isn't as it is wanted, until the task is cancelled.
    nonisolated func run() async {
        // Both go on until this task is cancelled.
        await withDiscardingTaskGroup { group in
            group.addTask { await self.leases.run() }
            group.addTask { await self.reconcileUntilCancelled() }
        }
    }

    /// Gives the leases back, and with them what is held under them.
    nonisolated func revokeLeases(until deadline: ContinuousClock.Instant) async {
        await leases.revokeAll(until: deadline)
    }

    private func reconcileUntilCancelled() async {
        var backoff = ExponentialBackoff(first: .milliseconds(100))
        while !Task.isCancelled {
            let generation = stateChanged.generation
            review()
            guard !unreconciled.isEmpty else {
                backoff.reset()
                let next = desiredNodes.values.compactMap(\.deadline).min()
                await stateChanged.wait(
                    since: generation, for: next.map { max($0 - age.elapsed, .zero) }, clock: client.clock)
                continue
            }
            let nodes = Array(unreconciled.shuffled().prefix(Self.parallelism))
            await reconcileAll(nodes)
            if unreconciled.isDisjoint(with: nodes) {
                backoff.reset()
            } else {
                try? await client.clock.sleep(for: backoff.next())
            }
        }
    }

    private func reconcileAll(_ nodes: [NodeKey]) async {
        await withDiscardingTaskGroup { group in
            for node in nodes {
                group.addTask {
                    do throws(MicroError) {
                        try await self.reconcile(node, until: .now + self.client.timeout)
                    } catch {
                        Logger.current.debug(
                            "A node isn't yet as it should be in etcd.",
                            metadata: ["node": "\(node.id)", "error": "\(error.detail)"])
                    }
                }
            }
        }
    }
}

extension ServiceRecord {
    /// The longest value that etcd takes by default, with room for the key.
    fileprivate static let maximumValueSize = (3 << 19) - (8 << 10)
}
