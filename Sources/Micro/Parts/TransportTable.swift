import MicroCore

/// The transports of a service or client by the protocols that they speak; each is made when it is first used, so
/// that one which is linked and can't be used stops nobody who doesn't need it.
struct TransportTable: Sendable {
    private struct Entry: Sendable {
        let node: NodeProtocol
        let member: PartMember<any Transport>
        let isGiven: Bool

        func speaks(_ name: String) -> Bool { node.protocol == name || node.transport == name }
    }

    private enum Keys {
        static let server = Setting(
            "server", .text("a protocol"), without: "the first that is linked, grpc", scope: .shared,
            "the protocol that the service speaks")
        static let client = Setting(
            "client", .text("a protocol"), without: "grpc", scope: .shared,
            "the protocol of nodes that don't say theirs")
        static let transport = Setting(
            "transport", .text("a transport"), scope: .shared,
            "which transport of that protocol, where several are linked; other names change nothing")
    }

    /// What operators may set.
    static var declarations: [SettingDeclaration] {
        [Keys.server.declaration, Keys.client.declaration, Keys.transport.declaration]
    }

    /// The preferred ones first; those that were given in code before all others.
    private let entries: [Entry]

    /// The protocol of addresses that a user gives.
    private let direct: NodeProtocol

    /// Finds out what each transport speaks.
    ///
    /// - Parameter parts: The parts.
    /// - Throws: A ``StartError`` if `MICRO_CLIENT` names a protocol that none speaks, or a transport which doesn't
    ///   declare its protocol can't be made.
    init(_ parts: PartResolver) throws(StartError) {
        var entries: [Entry] = []
        for member in try parts.members(.transport) {
            let declared = member.provides.compactMap(NodeProtocol.init(declaration:))
            let nodes = declared.isEmpty ? [try member.part().nodeProtocol] : declared
            entries += nodes.map { Entry(node: $0, member: member, isGiven: member.isGiven) }
        }
        self.entries = entries
        guard let choice = try parts.settings.text(Keys.client.declaration) else {
            direct = .grpc
            return
        }
        guard let entry = entries.first(where: { $0.speaks(choice.text) }) else {
            throw Self.unknown(choice, entries)
        }
        direct = entry.node
    }

    /// Returns the transport that a server listens on.
    ///
    /// One that was given in code wins. `MICRO_SERVER` chooses the protocol. `MICRO_TRANSPORT` chooses among the
    /// transports of a protocol, and names something else where a fleet of go-micro services shares its variables:
    /// then it changes nothing.
    ///
    /// - Parameter settings: The configuration.
    /// - Returns: The transport.
    /// - Throws: A ``StartError`` if no transport speaks the protocol, or it can't be used.
    func server(_ settings: Settings) throws(StartError) -> any Transport {
        if let given = entries.first(where: \.isGiven) { return try given.member.part() }
        let choice = try settings.text(Keys.server.declaration)
        let candidates = choice.map { choice in entries.filter { $0.speaks(choice.text) } } ?? entries
        guard let first = candidates.first else {
            guard let choice else { throw Self.none }
            throw Self.unknown(choice, entries)
        }
        guard let name = try settings[Keys.transport] else { return try first.member.part() }
        let named = candidates.first { $0.node.protocol == first.node.protocol && $0.node.transport == name }
        return try (named ?? first).member.part()
    }

    /// Returns the transport that speaks to a node.
    ///
    /// - Throws: A ``StartError`` if none does, or it can't be used; its message goes on from "since".
    func transport(for node: Node) throws(StartError) -> any Transport {
        let wanted = NodeProtocol(of: node)
        guard let entry = entries.first(where: { $0.node == wanted }) else {
            throw StartError(
                .unknownPlugin,
                "no linked transport speaks the protocol \"\(wanted.protocol)\" over \"\(wanted.transport)\" of its "
                    + "nodes. " + Self.advice(for: wanted))
        }
        do throws(StartError) {
            return try entry.member.part()
        } catch {
            throw StartError(
                error.code, "the transport that speaks to its nodes can't be used: \(error.message)")
        }
    }

    /// Returns the transport that speaks to an address which a user gave.
    ///
    /// - Throws: A ``StartError`` if there is none, or it can't be used.
    func forAddresses() throws(StartError) -> any Transport {
        guard let entry = entries.first(where: { $0.node == direct }) ?? entries.first else {
            throw Self.none
        }
        return try entry.member.part()
    }

    private static func unknown(_ choice: Settings.Given, _ entries: [Entry]) -> StartError {
        let linked = Set(entries.map(\.node.protocol)).sorted().joined(separator: ", ")
        return StartError(
            .unknownPlugin,
            "\(choice.origin) is \"\(choice.text)\", but no linked transport speaks that protocol. "
                + "Linked: \(linked.isEmpty ? "none" : linked). "
                + advice(for: NodeProtocol(protocol: choice.text, transport: choice.text)))
    }

    private static var none: StartError {
        StartError(.unknownPlugin, "No transport is linked. " + advice(for: .grpc))
    }

    /// What to link to speak a protocol.
    private static func advice(for node: NodeProtocol) -> String {
        guard
            let product = KnownProducts.product(role: PluginRole.transport.name, providing: node.declaration)
        else {
            return "Add a product with a transport for the protocol \"\(node.protocol)\" over "
                + "\"\(node.transport)\" to the target's dependencies in Package.swift."
        }
        return "Add the product \"\(product)\" to the target's dependencies in Package.swift."
    }
}
