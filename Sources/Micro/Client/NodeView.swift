import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// The nodes among which calls choose, under one filter and with what was known of their health at one moment.
final class NodeView: Sendable {
    /// The nodes, in a stable order.
    let slots: [PooledConnection]

    /// The nodes, as selectors see them.
    let candidates: Candidates

    /// All nodes that the filter accepts, those among them that are down, of another zone or not in the subset.
    let accepted: [PooledConnection]

    /// The nodes that are left out since they are down, to be probed.
    let down: [PooledConnection]

    /// The generation of the nodes' health that the view reflects; `nil` if all were taken for well.
    let generation: UInt64?

    init(
        _ slots: [PooledConnection], accepted: [PooledConnection]? = nil, down: [PooledConnection] = [],
        generation: UInt64? = nil
    ) {
        self.slots = slots
        self.accepted = accepted ?? slots
        self.down = down
        self.generation = generation
        candidates = Candidates(slots.map(\.candidate))
    }

    /// Picks a node.
    func pick(_ selector: any Selector, _ call: SelectionContext) throws(MicroError) -> PooledConnection {
        guard let position = selector.choose(from: candidates, for: call), slots.indices.contains(position)
        else {
            throw ClientErrors.noneAvailable(call.service)
        }
        return slots[position]
    }

    /// Has nodes that are down probed, once their back-offs have passed.
    func probeThoseDue(now: Uptime) {
        for slot in down { slot.probeIfDue(now: now) }
    }
}

/// Which nodes of a service are offered to its selector.
struct NodeRules: Sendable {
    let settings: SelectionSettings

    /// Counts changes of the nodes' health.
    let detector: OutlierDetector

    /// What makes the client's subset another one than other clients'.
    let seed: UInt64

    /// Returns the view under a filter.
    ///
    /// - Parameters:
    ///   - slots: The nodes of the service.
    ///   - filter: Which of them are considered; all if `nil`.
    ///   - looksAtHealth: Whether those that are down are left out.
    /// - Returns: The view.
    func view(_ slots: [PooledConnection], _ filter: NodeFilter?, looksAtHealth: Bool) -> NodeView {
        // The generation first: what changes from now on makes the view out of date.
        let generation = looksAtHealth ? detector.generation : nil
        let accepted = filter.map { filter in slots.filter { filter.accepts($0.candidate) } } ?? slots
        let down = looksAtHealth ? accepted.filter(\.isDown) : []
        let isDown = Set(down.map(ObjectIdentifier.init))
        // Where all are down, all are tried.
        let isAnyLeft = down.count < accepted.count
        func isLeft(_ slot: PooledConnection) -> Bool {
            !isAnyLeft || !isDown.contains(ObjectIdentifier(slot))
        }
        let near = nearest(accepted, isLeft)
        return NodeView(
            subset(of: near), accepted: accepted, down: down, generation: generation)
    }

    /// The nodes that can be called: those of the preferred zone if at least half of that can be.
    private func nearest(
        _ accepted: [PooledConnection], _ isLeft: (PooledConnection) -> Bool
    ) -> [PooledConnection] {
        let left = accepted.filter(isLeft)
        guard let zone = settings.preferredZone else { return left }
        let all = accepted.count { $0.node.metadata?["zone"] == zone }
        let near = left.filter { $0.node.metadata?["zone"] == zone }
        return !near.isEmpty && near.count * 2 >= all ? near : left
    }

    /// The nodes that suit this client best, by rendezvous hashing as in gRPC's random subsetting (A68): they stay the same
    /// ones as far as they are there, and all clients together reach all nodes.
    private func subset(of slots: [PooledConnection]) -> [PooledConnection] {
        guard let size = settings.subset, size < slots.count else { return slots }
        let scores = slots.map { StableHash.score(StableHash.of($0.node.id), seed) }
        let limit = scores.sorted(by: >)[size - 1]
        return zip(slots, scores).filter { $1 >= limit }.map(\.0)
    }
}
