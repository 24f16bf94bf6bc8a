import MicroCore

/// Which of the transports serves, and which are dialled.
enum ProtocolChoice {
    /// Returns the transport that a server listens on.
    ///
    /// `MICRO_SERVER` chooses the protocol. `MICRO_TRANSPORT` chooses among the transports of a protocol, and
    /// names something else where a fleet of go-micro services shares its variables: then it changes nothing.
    ///
    /// - Parameters:
    ///   - transports: The transports in the order of preference, not empty.
    ///   - settings: The configuration.
    ///   - given: The transport that was given in code, which wins.
    /// - Returns: The transport.
    /// - Throws: A ``StartError`` if no transport speaks the protocol.
    static func server(
        _ transports: [any Transport], _ settings: Settings, given: (any Transport)?
    ) throws(StartError) -> any Transport {
        if let given { return given }
        let choice = settings.value("server")
        let candidates = choice.map { choice in transports.filter { speaks($0, choice.text) } } ?? transports
        guard let first = candidates.first else {
            guard let choice else { throw noTransport }
            throw unknown(choice, transports)
        }
        guard let name = settings.string("transport") else { return first }
        let ofProtocol = candidates.filter { $0.nodeProtocol.protocol == first.nodeProtocol.protocol }
        return ofProtocol.first { $0.nodeProtocol.transport == name } ?? first
    }

    /// Checks that `MICRO_CLIENT`, if it is set, names a protocol that some transport speaks.
    static func checkClient(_ transports: [any Transport], _ settings: Settings) throws(StartError) {
        guard let choice = settings.value("client") else { return }
        guard transports.contains(where: { speaks($0, choice.text) }) else {
            throw unknown(choice, transports)
        }
    }

    private static func speaks(_ transport: any Transport, _ name: String) -> Bool {
        transport.nodeProtocol.protocol == name || transport.nodeProtocol.transport == name
    }

    private static func unknown(_ choice: Settings.Value, _ transports: [any Transport]) -> StartError {
        let linked = Set(transports.map(\.nodeProtocol.protocol)).sorted().joined(separator: ", ")
        return StartError(
            .unknownPlugin,
            "\(choice.origin) is \"\(choice.text)\", but no linked transport speaks that protocol. "
                + "Linked: \(linked.isEmpty ? "none" : linked). "
                + TransportProducts.advice(for: NodeProtocol(protocol: choice.text, transport: choice.text)))
    }

    private static var noTransport: StartError {
        StartError(
            .unknownPlugin,
            "No transport is linked. "
                + TransportProducts.advice(for: .grpc))
    }
}

/// What to link to speak a protocol.
enum TransportProducts {
    static func advice(for node: NodeProtocol) -> String {
        let product: String? =
            switch (node.protocol, node.transport) {
            case ("grpc", "grpc"), ("grpc", "http2"): "MicroTransportHTTP2"
            case (_, "memory"): "MicroTransportMemory"
            default: nil
            }
        guard let product else {
            return "Add a product with a transport for the protocol \"\(node.protocol)\" over "
                + "\"\(node.transport)\" to the target's dependencies in Package.swift."
        }
        return "Add the product \"\(product)\" to the target's dependencies in Package.swift."
    }
}
