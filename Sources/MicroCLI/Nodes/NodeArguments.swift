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

    /// Asks the node.
    ///
    /// A node of the registry is chosen among the service's, so that its certificate is checked for the
    /// service's name. One that the client doesn't see yet is called by its address.
    func ask<Answer: Sendable>(
        _ body: @Sendable (CallOptions) async throws -> Answer
    ) async throws -> Answer {
        var direct = options
        direct.address = address
        guard !isGiven else { return try await body(direct) }
        do {
            return try await NodePin.$node.withValue(id) { try await body(options) }
        } catch let error as MicroError where error.detail.contains(": none available") {
            return try await body(direct)
        }
    }
}

/// Picks the node that the calling task wants.
struct NodePin: Selector {
    @TaskLocal static var node: String?

    func choose(among nodes: [Node], of service: String) -> Int {
        nodes.firstIndex { $0.id == Self.node } ?? -1
    }
}

extension NodeArguments {
    /// Finds the nodes and does something with them.
    ///
    /// - Parameters:
    ///   - global: The options of all commands.
    ///   - body: Asks the nodes and prints what they say.
    /// - Throws: The exit status, once the failure was reported.
    func perform(
        _ global: GlobalOptions, _ body: @escaping @Sendable (MicroClient, [NodeTarget]) async throws -> Void
    ) async throws {
        try await Session.reporting {
            let options = CallOptions(
                timeout: try DurationText.parse(requestTimeout, option: "--request_timeout"), retry: .never)
            let registry: (any Registry)? = address == nil ? nil : NoRegistry()
            try await Session.running(global.sources, registry: registry, selector: NodePin()) { client in
                try await body(client, try await targets(client, options))
            }
        }
    }

    private func targets(_ client: MicroClient, _ options: CallOptions) async throws -> [NodeTarget] {
        if let address {
            return [
                NodeTarget(
                    service: service, version: "", id: address, address: address, options: options,
                    isGiven: true)
            ]
        }
        let targets = try await client.lookup(service).flatMap { record in
            record.nodes.map { node in
                NodeTarget(
                    service: service, version: record.version, id: node.id, address: node.address,
                    options: options, isGiven: false)
            }
        }
        guard !targets.isEmpty else { throw CommandFailure("Service not found", .notFound) }
        return targets
    }
}
