internal import Logging
public import MicroCore
internal import MicroPluginKit
public import ServiceLifecycle

/// Calls other services: finds them in the registry, connects to them and decodes what they answer.
///
/// ```swift
/// try await withMicroClient { client in
///     let reply = try await client.call(
///         "greeter", "Greeter.Hello", HelloRequest(name: "world"), returning: HelloReply.self)
/// }
/// ```
///
/// A service has one already: `service.client`, or `context.client` in a handler.
///
/// A client opens one connection to each node that it calls, when it first calls it, and shares it among
/// all calls. It closes those that nobody has used for a while.
///
/// Calls before ``run()`` wait for it. Once it has ended they fail.
public struct MicroClient: Service, Sendable {
    let core: ClientCore
    let definition: ClientDefinition?

    /// The deadline of the call that is being answered with this client's help.
    let bound: ContinuousClock.Instant?

    /// The criticality of that call, which those of the client inherit.
    let criticality: Criticality

    /// The fields of the trace to which that call belongs.
    let trace: Metadata

    /// Creates a client that stands for itself.
    init(_ definition: ClientDefinition) {
        core = ClientCore()
        bound = nil
        criticality = .default
        trace = [:]
        self.definition = definition
    }

    /// Creates a client whose calls fail with a reason.
    init(failing reason: String) {
        self.init(core: ClientCore())
        core.fail(StartError(.invalidConfiguration, reason))
    }

    /// Creates the client of a service, which runs it.
    init(
        core: ClientCore, bound: ContinuousClock.Instant? = nil, criticality: Criticality = .default,
        trace: Metadata = [:]
    ) {
        self.core = core
        self.bound = bound
        self.criticality = criticality
        self.trace = trace
        definition = nil
    }

    /// The same client for the calls of a handler, which inherit what its own call has.
    ///
    /// - Parameters:
    ///   - deadline: When they end at the latest.
    ///   - criticality: How much they matter unless they say something else.
    ///   - trace: The fields of the trace to which they belong.
    /// - Returns: The client.
    func bounded(
        by deadline: ContinuousClock.Instant?, criticality: Criticality, trace: Metadata
    ) -> MicroClient {
        guard deadline != nil || criticality != .default || !trace.isEmpty else { return self }
        return MicroClient(core: core, bound: deadline, criticality: criticality, trace: trace)
    }

    /// Does the client's work until the task is cancelled or shut down gracefully.
    ///
    /// - Throws: A ``StartError`` if the configuration can't be used, or the client is run twice. The
    ///   client of a service is run by the service and does nothing here.
    public func run() async throws {
        guard let definition else { return try await gracefulShutdown() }
        let stop = Latch()
        try await withGracefulShutdownHandler {
            try await definition.run(core, until: stop)
        } onGracefulShutdown: {
            stop.open()
        }
    }

    /// Returns the names of all services that the registry knows.
    ///
    /// - Returns: The names, sorted.
    /// - Throws: A ``MicroError`` with the status `unavailable` if the registry can't be reached.
    public func services() async throws -> [String] { try await registry().services() }

    /// Returns what the registry knows of a service, without the client's cache.
    ///
    /// - Parameter service: The name of the service.
    /// - Returns: One record for each version; empty if the service is unknown.
    /// - Throws: A ``MicroError`` with the status `unavailable` if the registry can't be reached.
    public func lookup(_ service: String) async throws -> [ServiceRecord] {
        try await registry().lookup(service)
    }

    private func registry() async throws -> any Registry {
        guard let registry = try await core.engine(deadline: bound).registry else {
            throw ClientErrors.unavailable("The client has no registry. Link one, or give one in code.")
        }
        return registry
    }
}

/// Runs a client for as long as a closure does.
///
/// - Parameters:
///   - client: The client.
///   - body: What uses it.
/// - Returns: What the closure returned.
/// - Throws: What the closure threw, or a ``StartError`` if the client can't be run.
@discardableResult
public func withMicroClient<Result: Sendable>(
    _ client: MicroClient = MicroClient(), _ body: (MicroClient) async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        // Serves the calls of the closure; it is cancelled when that has ended, and waited for.
        group.addTask { try await client.run() }
        do {
            let result = try await body(client)
            group.cancelAll()
            while let ended = await group.nextResult() {
                if case .failure(let error as StartError) = ended { throw error }
            }
            return result
        } catch {
            group.cancelAll()
            // That the client can't be run is the reason, and that its calls fail the consequence.
            while let ended = await group.nextResult() {
                if case .failure(let reason as StartError) = ended { throw reason }
            }
            throw error
        }
    }
}
