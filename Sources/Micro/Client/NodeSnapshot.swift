import MicroCore

/// The nodes of a service as they were at one moment, with what is needed to call them.
final class NodeSnapshot: Sendable {
    /// The nodes that can be called, in a stable order.
    let candidates: Candidates

    /// The connection of each node.
    let slots: [PooledConnection]

    /// The protocols of the nodes to which no transport speaks, and why.
    let unspoken: [NodeProtocol: String]

    /// The address of a node that a registry can't send a client to, if there is one.
    let refusedAddress: String?

    init(slots: [PooledConnection], unspoken: [NodeProtocol: String] = [:], refusedAddress: String? = nil) {
        self.slots = slots
        self.candidates = Candidates(slots.map(\.candidate))
        self.unspoken = unspoken
        self.refusedAddress = refusedAddress
    }

    /// Where an attempt goes.
    struct Choice {
        let slot: PooledConnection

        /// Whether there are nodes that were not tried yet.
        let hasOthers: Bool

        /// Whether the selector has chosen it, and not the caller.
        let isSelected: Bool
    }

    /// Picks a node: one that the call has not tried where there is one, and among those one that is not
    /// known to be down.
    ///
    /// - Parameters:
    ///   - selector: The rule by which one is picked.
    ///   - call: The call, with the nodes that it has tried.
    /// - Returns: The node's connection.
    /// - Throws: Why there is no node.
    func choose(_ selector: any Selector, for call: SelectionContext) throws(MicroError) -> Choice {
        guard !slots.isEmpty else { throw nothing(call.service) }
        if call.tried.isEmpty {
            let slot = try pick(selector, call)
            // While no node is down, this is all. Else all are looked at only when one that is down was picked.
            guard slot.isDown, slots.count > 1 else {
                return Choice(slot: slot, hasOthers: slots.count > 1, isSelected: true)
            }
        }
        let untried = slots.filter { !call.tried.contains($0.node.id) }
        let possible = untried.isEmpty ? slots : untried
        for slot in possible where slot.isDown { slot.probeIfDue() }
        let reachable = possible.filter { !$0.isDown }
        let rest = NodeSnapshot(slots: reachable.isEmpty ? possible : reachable)
        return Choice(slot: try rest.pick(selector, call), hasOthers: untried.count > 1, isSelected: true)
    }

    private func pick(
        _ selector: any Selector, _ call: SelectionContext
    ) throws(MicroError) -> PooledConnection {
        guard let position = selector.choose(from: candidates, for: call), slots.indices.contains(position)
        else {
            throw ClientErrors.noneAvailable(call.service)
        }
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
