import MicroCore

/// The transports of a service or client by the protocols that they speak; each is made when it is first used, so
/// that one which is linked and can't be used stops nobody who doesn't need it.
struct TransportTable: Sendable {
    private struct Entry: Sendable {
        let node: NodeProtocol
        let member: PartMember<any Transport>
        let isGiven: Bool

        func speaks(_ name: String) -> Bool {
            node.protocol == name || node.transport == name || node.declaration == name
        }
    }

    private enum Keys {
        static let server = Setting(
            "server", .list("protocols with commas"), without: "the first that is linked, grpc",
            scope: .shared,
            "the protocols that the service speaks, or `protocol/transport` where one has several transports")
        static let client = Setting(
            "client", .text("a protocol"), without: "grpc", scope: .shared,
            "the protocol of nodes that don't say theirs")
        static let transport = Setting(
            "transport", .text("a transport"), scope: .shared,
            "which transport of a protocol, where several are linked; other names change nothing")
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
            throw Self.unknown(choice, choice.text, entries)
        }
        direct = entry.node
    }

    /// Returns the transports that a server listens on.
    ///
    /// Those that were given in code win. `MICRO_SERVER` chooses the protocols, or pairs of protocol and transport such
    /// as `mucp/nats`, with commas. `MICRO_TRANSPORT` chooses among the transports of a protocol, and names something
    /// else where a fleet of go-micro services shares its variables: then it changes nothing.
    ///
    /// - Parameter settings: The configuration.
    /// - Returns: The transports, in the order in which they were given or chosen; at least one.
    /// - Throws: A ``StartError`` if no transport speaks a protocol, or one can't be used.
    func servers(_ settings: Settings) throws(StartError) -> [any Transport] {
        let given = entries.filter(\.isGiven)
        let chosen = given.isEmpty ? try chosen(settings) : given
        var transports: [any Transport] = []
        for entry in chosen { transports.append(try entry.member.part()) }
        return transports
    }

    private func chosen(_ settings: Settings) throws(StartError) -> [Entry] {
        guard let names = try settings[Keys.server], let choice = try settings.text(Keys.server.declaration)
        else {
            guard let first = entries.first else { throw Self.none }
            return [try preferred(first, among: entries, settings)]
        }
        var chosen: [Entry] = []
        for name in names {
            let candidates = entries.filter { $0.speaks(name) }
            guard let first = candidates.first else { throw Self.unknown(choice, name, entries) }
            let entry = try preferred(first, among: candidates, settings)
            guard !chosen.contains(where: { $0.node == entry.node }) else {
                throw choice.invalid("a list of protocols that has \(entry.node.declaration) once")
            }
            chosen.append(entry)
        }
        return chosen
    }

    /// Returns the transport of a protocol that `MICRO_TRANSPORT` names, if it names one of them.
    private func preferred(
        _ first: Entry, among candidates: [Entry], _ settings: Settings
    ) throws(StartError) -> Entry {
        guard let name = try settings[Keys.transport] else { return first }
        return candidates.first { $0.node.protocol == first.node.protocol && $0.node.transport == name }
            ?? first
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

    /// Returns the name of an address `scheme:name`, and the transport that it belongs to.
    ///
    /// - Returns: Both; `nil` if no transport has such names.
    /// - Throws: A ``StartError`` if the transport can't be used.
    func forNamedAddress(_ address: String) throws(StartError) -> (name: String, transport: any Transport)? {
        guard let colon = address.firstIndex(of: ":"),
            let entry = entries.first(where: { $0.node.transport == address[..<colon] })
        else { return nil }
        let name = String(address[address.index(after: colon)...])
        let transport = try entry.member.part()
        return transport.usesNamedAddresses && ListenAddress.isName(name) ? (name, transport) : nil
    }

    /// Returns the error for a choice that no transport fits.
    ///
    /// - Parameters:
    ///   - choice: The value, and who set it.
    ///   - name: The part of the value that none fits.
    ///   - entries: What there is.
    /// - Returns: The error, with what to link.
    private static func unknown(
        _ choice: Settings.Given, _ name: String, _ entries: [Entry]
    ) -> StartError {
        let linked = Set(entries.map(\.node.protocol)).sorted().joined(separator: ", ")
        return StartError(
            .unknownPlugin,
            "\(choice.origin) is \"\(choice.text)\", but no linked transport speaks "
                + (name == choice.text ? "that protocol. " : "the protocol \"\(name)\". ")
                + "Linked: \(linked.isEmpty ? "none" : linked). "
                + advice(
                    for: NodeProtocol(declaration: name) ?? NodeProtocol(protocol: name, transport: name)))
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
