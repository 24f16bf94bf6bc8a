import MicroCore

/// The nodes of a service as they were at one moment, with what is needed to call them.
final class NodeSnapshot: Sendable {
    /// The nodes that can be called, in a stable order.
    let nodes: [Node]

    /// The connection of each node.
    let slots: [ConnectionSlot]

    /// The protocols of the nodes to which no transport speaks, and why.
    let unspoken: [NodeProtocol: String]

    /// The address of a node that a registry can't send a client to, if there is one.
    let refusedAddress: String?

    init(slots: [ConnectionSlot], unspoken: [NodeProtocol: String] = [:], refusedAddress: String? = nil) {
        self.slots = slots
        self.nodes = slots.map(\.node)
        self.unspoken = unspoken
        self.refusedAddress = refusedAddress
    }

    /// Where an attempt goes.
    struct Choice {
        let slot: ConnectionSlot

        /// Whether there are nodes that were not tried yet.
        let hasOthers: Bool
    }

    /// Picks a node: one that the call has not tried where there is one, and among those one that is not
    /// known to be down.
    ///
    /// - Parameters:
    ///   - selector: The rule by which one is picked.
    ///   - service: The service that is called.
    ///   - tried: The ids of the nodes that the call has tried.
    /// - Returns: The node's connection.
    /// - Throws: Why there is no node.
    func choose(
        _ selector: any Selector, service: String, avoiding tried: [String]
    ) throws(MicroError) -> Choice {
        guard !nodes.isEmpty else { throw nothing(service) }
        if tried.isEmpty {
            let slot = try pick(selector, service)
            // While no node is down, this is all. Else all are looked at only when one that is down was picked.
            guard slot.isDown, slots.count > 1 else {
                return Choice(slot: slot, hasOthers: slots.count > 1)
            }
        }
        let untried = slots.filter { !tried.contains($0.node.id) }
        let possible = untried.isEmpty ? slots : untried
        for slot in possible where slot.isDown { slot.probeIfDue() }
        let reachable = possible.filter { !$0.isDown }
        let candidates = NodeSnapshot(slots: reachable.isEmpty ? possible : reachable)
        return Choice(slot: try candidates.pick(selector, service), hasOthers: untried.count > 1)
    }

    private func pick(_ selector: any Selector, _ service: String) throws(MicroError) -> ConnectionSlot {
        let position = selector.choose(among: nodes, of: service)
        guard slots.indices.contains(position) else { throw ClientErrors.noneAvailable(service) }
        return slots[position]
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
