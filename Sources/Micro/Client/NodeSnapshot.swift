import MicroCore

/// The nodes of a service as they were at one moment, with what is needed to call them.
final class NodeSnapshot: Sendable {
    /// The nodes that can be called, in a stable order.
    let nodes: [Node]

    /// The connection of each node.
    let slots: [ConnectionSlot]

    /// The protocols of the nodes that no linked transport speaks.
    let unspoken: Set<NodeProtocol>

    init(slots: [ConnectionSlot], unspoken: Set<NodeProtocol>) {
        self.slots = slots
        self.nodes = slots.map(\.node)
        self.unspoken = unspoken
    }

    /// Picks a node, and another one than those that have failed where there is one.
    func choose(
        _ selector: any Selector, service: String, avoiding tried: [String]
    ) throws(MicroError) -> ConnectionSlot {
        guard !nodes.isEmpty else { throw nothing(service) }
        if !tried.isEmpty {
            let others = slots.filter { !tried.contains($0.node.id) }
            if !others.isEmpty, others.count < slots.count {
                return try NodeSnapshot(slots: others, unspoken: []).choose(
                    selector, service: service, avoiding: [])
            }
        }
        let position = selector.choose(among: nodes, of: service)
        guard slots.indices.contains(position) else { throw ClientErrors.noneAvailable(service) }
        return slots[position]
    }

    private func nothing(_ service: String) -> MicroError {
        guard let node = unspoken.min(by: { ($0.protocol, $0.transport) < ($1.protocol, $1.transport) })
        else {
            return ClientErrors.notFound(service)
        }
        return MicroError(
            id: ClientErrors.id, code: 500,
            detail: "service \(service): none available, since no linked transport speaks the protocol "
                + "\"\(node.protocol)\" over \"\(node.transport)\" of its nodes. "
                + TransportProducts.advice(for: node),
            processed: .no)
    }
}
