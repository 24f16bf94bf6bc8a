internal import Logging
public import MicroCore

/// What a hook of a service is given.
public struct LifecycleContext: Sendable {
    /// The service.
    public let identity: ServiceIdentity

    /// Calls other services.
    public let client: MicroClient

    let parts: PartResolver

    /// Returns the service's part of a role, such as a store; makes and starts it if nobody has used it so far.
    ///
    /// - Parameter role: The role of which one part is chosen.
    /// - Returns: The part.
    /// - Throws: A ``StartError`` that says why there is none.
    public func part<Interface: Sendable>(_ role: PluginRole<Interface>) throws(StartError) -> Interface {
        try parts.part(role)
    }
}

/// What an application does around the run of its service, in the order in which it was added.
struct ServiceHooks: Sendable {
    typealias Hook = @Sendable (LifecycleContext) async throws -> Void

    var start: [Hook] = []
    var ready: [@Sendable (RunningService) async throws -> Void] = []
    var stop: [Hook] = []

    /// Runs what comes before the service listens.
    func runStart(_ context: LifecycleContext) async throws {
        for hook in start { try await hook(context) }
    }

    /// Runs what comes once the service is registered.
    func runReady(_ running: RunningService) async throws {
        for hook in ready { try await hook(running) }
    }

    /// Runs what comes after the last call, the last one first, whatever becomes of the others.
    func runStop(_ context: LifecycleContext, onFailure: (any Error) -> Void) async {
        for hook in stop.reversed() {
            do {
                try await hook(context)
            } catch {
                Logger.current.error(
                    "An onStop hook failed.",
                    metadata: [
                        LogKeys.service: "\(context.identity.name)",
                        LogKeys.error: "\("\(error)".printable(limit: 2000))",
                    ])
                onFailure(error)
            }
        }
    }
}

extension MicroService {
    /// Returns the service with something to do before it starts: to open a database, fill a cache, migrate a schema.
    ///
    /// ```swift
    /// MicroService("notes") { … }
    ///     .onStart { context in try await database.open() }
    ///     .onStop { context in await database.close() }
    /// ```
    ///
    /// It runs when the service's parts and the `services` beside it run, and before the service listens. The client
    /// works. If it throws, the service doesn't start, and throws the same error.
    ///
    /// - Parameter hook: What to do; hooks run one after the other, in the order in which they were added.
    /// - Returns: The service; it takes the place of this one, and one of the two can be run.
    public func onStart(
        _ hook: @escaping @Sendable (LifecycleContext) async throws -> Void
    ) -> MicroService {
        changing { $0.hooks.start.append(hook) }
    }

    /// Returns the service with something to do once it answers calls and is registered.
    ///
    /// The service serves meanwhile. If the hook throws, the service stops in order, and throws the same error; it is
    /// cancelled when the service is to stop.
    ///
    /// - Parameter hook: What to do; hooks run one after the other, in the order in which they were added.
    /// - Returns: The service; it takes the place of this one, and one of the two can be run.
    public func onReady(
        _ hook: @escaping @Sendable (RunningService) async throws -> Void
    ) -> MicroService {
        changing { $0.hooks.ready.append(hook) }
    }

    /// Returns the service with something to do after its last call and event: to flush, to close.
    ///
    /// The client, the service's parts and the `services` beside it still work. Once ``onStart(_:)`` hooks have begun,
    /// the hook runs however the service ends, also if one of them has thrown. It is cancelled when the stop is
    /// forced. If it throws, the service stops nevertheless, and throws the same error unless it has another.
    ///
    /// - Parameter hook: What to do; hooks run one after the other, the one that was added last first.
    /// - Returns: The service; it takes the place of this one, and one of the two can be run.
    public func onStop(
        _ hook: @escaping @Sendable (LifecycleContext) async throws -> Void
    ) -> MicroService {
        changing { $0.hooks.stop.append(hook) }
    }

    /// A copy of the service with another definition.
    func changing(_ change: (inout ServiceDefinition) -> Void) -> MicroService {
        var definition = definition
        change(&definition)
        return MicroService(definition: definition, client: client)
    }
}
