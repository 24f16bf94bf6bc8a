public import MicroCore

extension MicroService {
    /// Returns the service with a part that is given in code: in place of a plugin, or beside those that are linked
    /// where the role is a set.
    ///
    /// ```swift
    /// MicroService("notes") { … }.using(.store, SQLiteStore(path: "notes.db"))
    /// ```
    ///
    /// A service listens on each transport that it is given:
    ///
    /// ```swift
    /// MicroService("greeter") { … }.using(.transport, .grpc).using(.transport, .memory)
    /// ```
    ///
    /// - Parameters:
    ///   - role: The role.
    ///   - part: The part, which this service alone prepares and runs.
    /// - Returns: The service; it takes the place of this one, and one of the two can be run.
    public func using<Interface: Sendable>(_ role: PluginRole<Interface>, _ part: Interface) -> MicroService {
        changing { definition in
            definition.overrides.use(role, part)
            definition.overrides.require(role)
        }
    }

    /// Returns the service with a role that it can't do without: a part of it is made before the service starts,
    /// and runs as long as the service does.
    ///
    /// ```swift
    /// MicroService("notes") {
    ///     Endpoint("Notes.Read") { (request: ReadRequest, context) in
    ///         try await context.part(.store).read(request.key) ?? []
    ///     }
    /// }
    /// .using(.store)
    /// ```
    ///
    /// - Parameter role: The role, whose plugin is chosen by its variable, such as `MICRO_STORE`.
    /// - Returns: The service; it takes the place of this one, and one of the two can be run.
    public func using<Interface: Sendable>(_ role: PluginRole<Interface>) -> MicroService {
        changing { $0.overrides.require(role) }
    }

    /// Returns the service whose client chooses the nodes of another service in a way of its own.
    ///
    /// ```swift
    /// MicroService("shop") { … }.routing("store", Routing(selector: .named("hash")))
    /// ```
    ///
    /// - Parameters:
    ///   - service: The name of the other service.
    ///   - routing: How its nodes are chosen.
    /// - Returns: The service; it takes the place of this one, and one of the two can be run.
    public func routing(_ service: String, _ routing: Routing) -> MicroService {
        changing { $0.routing[service] = routing }
    }
}
