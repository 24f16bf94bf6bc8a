internal import ArgumentParser
internal import Micro
internal import MicroCore

/// What the commands are told that ask each node of a service: `micro health`, `micro stats`, `micro logs`.
struct NodeArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The service's name, as 'micro services' lists it.", valueName: "name"),
        completion: .services)
    var service: String

    @Option(
        help: ArgumentHelp("The only node to ask, without asking the registry.", valueName: "host:port"))
    var address: String?

    @Option(
        name: [.customLong("request_timeout"), .customLong("request-timeout")],
        help: ArgumentHelp(
            "How long a node may take to answer, such as 300ms, 5s or 1m30s.", valueName: "duration"))
    var requestTimeout: String?
}

/// A node to ask, and how.
struct NodeTarget: Sendable {
    let service: String
    let version: String
    let id: String
    let address: String
    let options: CallOptions

    /// Whether the user gave the address, so that no registry knows of it.
    let isGiven: Bool

    /// What the node speaks, as the registry has it.
    let nodeProtocol: NodeProtocol

    /// Asks the node.
    ///
    /// A node of the registry is chosen among the service's, so that its certificate is checked for the
    /// service's name, and its address gets no privilege that an address typed by the user has. One that speaks
    /// another protocol is left alone: it would take the bytes for something else.
    func ask<Answer: Sendable>(
        _ body: @Sendable (CallOptions) async throws -> Answer
    ) async throws -> Answer {
        if isGiven {
            var direct = options
            direct.address = address
            return try await body(direct)
        }
        guard nodeProtocol == .grpc else { throw UnspokenProtocol(nodeProtocol) }
        let limit = ContinuousClock.now + Self.patience
        while true {
            do {
                return try await NodePin.$node.withValue(id) { try await body(options) }
            } catch let error as MicroError
                where error.detail.contains(": none available") && ContinuousClock.now < limit
            {
                // The client's watch may be behind the lookup that has found the node.
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    /// How long a node that a lookup has found may be missing from the client's watch.
    private static let patience = Duration.seconds(2)
}

/// A node speaks a protocol that this command doesn't.
struct UnspokenProtocol: Error, CustomStringConvertible {
    let description: String

    init(_ node: NodeProtocol) {
        description =
            "not asked: it speaks \(node.protocol.printable()) over \(node.transport.printable()), and "
            + "'micro' speaks gRPC"
    }
}

/// Picks the node that the calling task wants.
struct NodePin: Selector {
    @TaskLocal static var node: String?

    func choose(from candidates: Candidates, for call: SelectionContext) -> Int? {
        candidates.firstIndex { $0.node.id == Self.node }
    }
}

extension NodeArguments {
    /// Finds the nodes and does something with them.
    ///
    /// - Parameters:
    ///   - global: The options of all commands.
    ///   - isEndless: Whether a signal is the only way to end it, and so no failure.
    ///   - body: Asks the nodes and prints what they say.
    /// - Throws: The exit status, once the failure was reported.
    func perform(
        _ global: GlobalOptions, isEndless: Bool = false,
        _ body: @escaping @Sendable (MicroClient, [NodeTarget]) async throws -> Void
    ) async throws {
        try await Session.reporting {
            let options = CallOptions(
                timeout: try DurationText.parse(requestTimeout, option: "--request_timeout"), retry: .never)
            try AddressText.check(address)
            let registry: (any Registry)? = address == nil ? nil : NoRegistry()
            try await Session.running(
                try global.sources(), registry: registry, selector: NodePin(), isEndless: isEndless
            ) { client in
                try await body(client, try await targets(client, options))
            }
        }
    }

    private func targets(_ client: MicroClient, _ options: CallOptions) async throws -> [NodeTarget] {
        if let address {
            return [
                NodeTarget(
                    service: service, version: "", id: address, address: address, options: options,
                    isGiven: true, nodeProtocol: .grpc)
            ]
        }
        let targets = try await client.lookup(service).flatMap { record in
            record.nodes.map { node in
                NodeTarget(
                    service: service, version: record.version, id: node.id, address: node.address,
                    options: options, isGiven: false, nodeProtocol: NodeProtocol(of: node))
            }
        }
        guard !targets.isEmpty else { throw await CommandFailure(unknownService: service, client) }
        return targets
    }
}
