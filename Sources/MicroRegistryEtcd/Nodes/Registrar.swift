internal import FoundationEssentials
internal import Logging
internal import MicroCore
internal import MicroPluginKit
internal import SwiftProtobuf

/// Sees to it that the process's nodes stand in etcd, and nothing else of it.
///
/// What is wanted is kept here and brought about by ``settle(_:until:)``: in the call that asks for it, and
/// again by ``run()`` whenever it failed, or a lease is lost. The nodes whose registration isn't repeated are
/// let go.
actor Registrar {
    private let client: EtcdClient
    private let layout: KeyLayout
    private let turns = KeyedSerialQueue<NodeKey>()
    private let leases: Leases

    /// Notified when there may be something to do in the background.
    private let alarm: Condition

    private var holdings: [NodeKey: Holding] = [:]

    /// The nodes whose state in etcd may not be what is wanted.
    private var unsettled: Set<NodeKey> = []

    /// The keys of nodes that are no longer wanted and may still stand in etcd.
    private var leftovers: [NodeKey: Set<String>] = [:]

    /// How many nodes are settled at once after a lease was lost.
    private static let parallelism = 16

    init(_ client: EtcdClient, layout: KeyLayout) {
        self.client = client
        self.layout = layout
        alarm = Condition()
        leases = Leases(client, lossAlarm: alarm)
    }

    // MARK: Registering

    /// Holds a node; when it returns, it stands in etcd.
    ///
    /// - Parameters:
    ///   - record: The service with one node.
    ///   - timeToLive: How long the node stays without being renewed; `nil` forever.
    /// - Throws: Why it doesn't; it is tried again all the same.
    func register(_ record: ServiceRecord, timeToLive: Duration?) async throws(MicroError) {
        for node in record.keys {
            let known = holdings[node]
            var holding = Holding(record, key: known?.key ?? freeKey(for: node), timeToLive: timeToLive)
            guard holding.value.count <= ServiceRecord.maximumValueSize else {
                throw MicroError(
                    .invalidArgument,
                    "The record of \(node.id) has \(holding.value.count) bytes; etcd takes at most "
                        + "\(ServiceRecord.maximumValueSize).", processed: .no)
            }
            holding.written = known?.written
            holdings[node] = holding
            leftovers[node]?.remove(holding.key)
            defer {
                holdings[node]?.renew()
                alarm.notifyAll()
            }
            do {
                try await settle(node, until: .now + client.timeout)
            } catch {
                if holdings[node] != nil { unsettled.insert(node) }
                throw error
            }
        }
    }

    /// Takes a node out; when it returns, it no longer stands in etcd.
    func deregister(_ node: NodeKey) async throws(MicroError) {
        guard holdings[node] != nil || leftovers[node] != nil else { return try await removeForeign(node) }
        letGo(node)
        do {
            try await settle(node, until: .now + client.timeout)
        } catch {
            alarm.notifyAll()
            throw error
        }
    }

    private func letGo(_ node: NodeKey) {
        guard let holding = holdings.removeValue(forKey: node) else { return }
        leftovers[node, default: []].insert(holding.key)
        unsettled.insert(node)
    }

    /// Returns go-micro's key of a node, unless it is that of another version that we hold.
    private func freeKey(for node: NodeKey) -> String {
        let plain = layout.key(of: node)
        let isTaken = holdings.contains { $0.key != node && $0.value.key == plain }
        return isTaken ? layout.key(of: node, isPlain: false) : plain
    }

    /// Removes a node that the process doesn't hold, such as one that another has left behind.
    private func removeForeign(_ node: NodeKey) async throws(MicroError) {
        for key in [layout.key(of: node), layout.key(of: node, isPlain: false)] {
            let request = EtcdRangeRequest.with { $0.key = .init(key.utf8) }
            guard let found = try await client.send(.range, request).kvs.first,
                let record = try? ServiceRecord(json: [UInt8](found.value)), record.keys.contains(node)
            else { continue }
            try await delete(key, until: .now + client.timeout)
        }
    }

    // MARK: Settling

    /// Brings about what is wanted of a node.
    private func settle(_ node: NodeKey, until deadline: ContinuousClock.Instant) async throws(MicroError) {
        try await turns.run(node, cancelled: EtcdErrors.cancelled) { () async throws(MicroError) in
            for key in leftovers[node] ?? [] {
                try await delete(key, until: deadline)
                leftovers[node]?.remove(key)
            }
            if leftovers[node]?.isEmpty == true { leftovers[node] = nil }
            try await put(node, until: deadline)
            if leftovers[node] == nil { unsettled.remove(node) }
        }
    }

    /// Puts a node's record to its key, unless it stands there.
    private func put(_ node: NodeKey, until deadline: ContinuousClock.Instant) async throws(MicroError) {
        for _ in 0..<3 {
            guard let holding = holdings[node] else { return }
            var lease: Int64 = 0
            if let seconds = holding.leaseSeconds {
                lease = try await leases.lease(seconds: seconds, until: deadline)
            }
            let wanted = Holding.Content(value: holding.value, lease: lease)
            if holding.written == wanted, try await stands(wanted, at: holding.key, until: deadline) {
                return
            }
            // Also a call that fails may have written it, late: the next time it is read before it is repeated,
            // so that a disk that is too slow for the time limit is not given the same work again and again.
            holdings[node]?.written = wanted
            do {
                let request = EtcdPutRequest.with {
                    $0.key = .init(holding.key.utf8)
                    $0.value = .init(holding.value)
                    $0.lease = lease
                }
                _ = try await client.send(.put, request, until: deadline)
                return
            } catch {
                guard case .leaseLost = EtcdFault(error) else { throw error }
                leases.lost(lease)
            }
        }
        throw MicroError(.unavailable, "etcd takes each new lease back: its disk may be too slow.")
    }

    /// Whether something stands at a key.
    private func stands(
        _ content: Holding.Content, at key: String, until deadline: ContinuousClock.Instant
    ) async throws(MicroError) -> Bool {
        let request = EtcdRangeRequest.with { $0.key = .init(key.utf8) }
        guard let found = try await client.send(.range, request, until: deadline).kvs.first else {
            return false
        }
        return found.lease == content.lease && found.value.elementsEqual(content.value)
    }

    private func delete(_ key: String, until deadline: ContinuousClock.Instant) async throws(MicroError) {
        _ = try await client.send(
            .delete, EtcdDeleteRangeRequest.with { $0.key = .init(key.utf8) }, until: deadline)
    }

    // MARK: Background work

    /// Records what is no longer wanted, and of what stood under a lease that is over.
    private func review() {
        for (node, holding) in holdings {
            if let deadline = holding.deadline, deadline <= .now {
                letGo(node)
            } else if let lease = holding.written?.lease, lease != 0, !leases.isHeld(lease) {
                holdings[node]?.written = nil
                unsettled.insert(node)
            }
        }
    }

    /// Keeps the leases alive and mends what isn't as it is wanted, until the task is cancelled.
    nonisolated func run() async {
        // Both go on until this task is cancelled.
        await withDiscardingTaskGroup { group in
            group.addTask { await self.leases.run() }
            group.addTask { await self.mend() }
        }
    }

    /// Gives the leases back, and with them what is held under them.
    nonisolated func takeLeave(until deadline: ContinuousClock.Instant) async {
        await leases.revokeAll(until: deadline)
    }

    private func mend() async {
        var backoff = ExponentialBackoff(first: .milliseconds(100))
        while !Task.isCancelled {
            let generation = alarm.generation
            review()
            guard !unsettled.isEmpty else {
                backoff.reset()
                await alarm.wait(since: generation, until: holdings.values.compactMap(\.deadline).min())
                continue
            }
            let nodes = Array(unsettled.shuffled().prefix(Self.parallelism))
            await settleAll(nodes)
            if unsettled.isDisjoint(with: nodes) {
                backoff.reset()
            } else {
                try? await Task.sleep(for: backoff.next())
            }
        }
    }

    private func settleAll(_ nodes: [NodeKey]) async {
        await withDiscardingTaskGroup { group in
            for node in nodes {
                group.addTask {
                    do throws(MicroError) {
                        try await self.settle(node, until: .now + self.client.timeout)
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
