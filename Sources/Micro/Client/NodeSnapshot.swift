import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// The nodes of a service as they were at one moment, with what is needed to call them.
final class NodeSnapshot: Sendable {
    /// How many filters' views are kept; beyond it, all are made anew.
    private static let viewLimit = 32

    private struct Views {
        var unfiltered: NodeView?
        var filtered: [NodeFilter: NodeView] = [:]
    }

    /// The nodes that can be called, in a stable order.
    let slots: [PooledConnection]

    /// The protocols of the nodes to which no transport speaks, and why.
    let unspoken: [NodeProtocol: String]

    /// The address of a node that a registry can't send a client to, if there is one.
    let refusedAddress: String?

    /// The endpoints whose calls may have their effect several times, as the registry says.
    let idempotent: Set<String>

    private let rules: NodeRules

    /// What is chosen from while no node is down.
    private let usual: NodeView

    /// Whether a node was found to be down, so that views are made and kept up to date.
    private let isAnyDown = Atomic(false)
    private let views = Mutex(Views())

    init(
        slots: [PooledConnection], rules: NodeRules, idempotent: Set<String> = [],
        unspoken: [NodeProtocol: String] = [:],
        refusedAddress: String? = nil
    ) {
        self.slots = slots
        self.rules = rules
        self.idempotent = idempotent
        self.unspoken = unspoken
        self.refusedAddress = refusedAddress
        usual = rules.view(slots, nil, looksAtHealth: false)
        if slots.contains(where: \.isDown) { isAnyDown.store(true, ordering: .relaxed) }
    }

    /// Where an attempt goes.
    struct Choice {
        let slot: PooledConnection

        /// Whether there are nodes that were not tried yet.
        let hasOthers: Bool

        /// Whether the selector has chosen it, and not the caller.
        let isSelected: Bool

        /// The selector that has chosen it, where it isn't the client's.
        var selection: SelectorUse?

        /// When it was chosen, if the selector needs the time.
        var time = Uptime(nanoseconds: 0)
    }

    /// The nodes, as the ejection of nodes sees them.
    var fleet: OutlierDetector.Fleet {
        OutlierDetector.Fleet(all: slots.map(\.member), calledCount: usual.slots.count)
    }

    /// Whether any node is accepted by a filter.
    func hasNodes(for filter: NodeFilter) -> Bool { !view(for: filter).accepted.isEmpty }

    /// Picks a node: one that the call has not tried where there is one, and among those one that is not
    /// known to be down.
    ///
    /// - Parameters:
    ///   - selector: The rule by which one is picked.
    ///   - call: The call, with the nodes that it has tried.
    ///   - filter: Which nodes are considered; all if `nil`.
    /// - Returns: The node's connection.
    /// - Throws: Why there is no node.
    func choose(
        _ selector: any Selector, for call: SelectionContext, filter: NodeFilter? = nil
    ) throws(MicroError) -> Choice {
        guard !slots.isEmpty else { throw nothing(call.service) }
        let view = view(for: filter)
        guard !view.accepted.isEmpty else { throw ClientErrors.noneAccepted(call.service) }
        guard call.tried.isEmpty else { return try chooseUntried(view, selector, call) }
        var slot = try pick(view, selector, call)
        var count = view.accepted.count
        // While no node is down, this is all.
        if slot.isDown, count > 1, view.generation != rules.detector.generation {
            isAnyDown.store(true, ordering: .relaxed)
            let fresh = self.view(for: filter)
            count = fresh.accepted.count
            slot = try pick(fresh, selector, call)
        }
        return Choice(slot: slot, hasOthers: count > 1, isSelected: true, time: call.time)
    }

    private func pick(
        _ view: NodeView, _ selector: any Selector, _ call: SelectionContext
    ) throws(MicroError) -> PooledConnection {
        let slot = try view.pick(selector, call)
        guard slot.health.isWarmingUp else { return slot }
        // A new node is passed over now and then; a selector that insists, such as one of hashes, gets it.
        let share = slot.health.share(now: rules.detector.time.uptime, window: rules.settings.slowStart)
        return Double.random(in: 0..<1) < share ? slot : try view.pick(selector, call)
    }

    /// Picks a node for another attempt, from a list that is made for it.
    private func chooseUntried(
        _ view: NodeView, _ selector: any Selector, _ call: SelectionContext
    ) throws(MicroError) -> Choice {
        func isUntried(_ slot: PooledConnection) -> Bool { !call.tried.contains(slot.node.id) }
        let untried = view.accepted.filter(isUntried)
        let possible = untried.isEmpty ? view.accepted : untried
        let lists = [view.slots.filter { isUntried($0) && !$0.isDown }, possible.filter { !$0.isDown }]
        let rest = NodeView(lists.first { !$0.isEmpty } ?? possible)
        return Choice(
            slot: try rest.pick(selector, call), hasOthers: untried.count > 1, isSelected: true,
            time: call.time)
    }

    /// Returns the nodes under a filter, with what is known of their health now.
    private func view(for filter: NodeFilter?) -> NodeView {
        if filter == nil, !isAnyDown.load(ordering: .relaxed) { return usual }
        let view = views.withLock { views in
            let known = filter.map { views.filtered[$0] } ?? views.unfiltered
            if let known, known.generation == rules.detector.generation { return known }
            let made = rules.view(slots, filter, looksAtHealth: true)
            if let filter {
                if views.filtered.count >= Self.viewLimit { views.filtered = [:] }
                views.filtered[filter] = made
            } else {
                views.unfiltered = made
                if made.down.isEmpty { isAnyDown.store(false, ordering: .relaxed) }
            }
            return made
        }
        if !view.down.isEmpty { view.probeThoseDue(now: rules.detector.time.uptime) }
        return view
    }

    private func nothing(_ service: String) -> MicroError {
        guard let reason = unspoken.min(by: { $0.key.declaration < $1.key.declaration })?.value else {
            guard let refusedAddress else { return ClientErrors.notFound(service) }
            return ClientErrors.unavailableInGoMicrosWords(
                "service \(service): none available, since the address \"\(refusedAddress)\" that the registry has is "
                    + "not of the form host:port. A client connects to others only if its user gives them.")
        }
        return ClientErrors.unavailableInGoMicrosWords(
            "service \(service): none available, since \(reason)")
    }
}
