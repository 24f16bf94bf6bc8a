/// What a plugin learns about the service that uses it.
public struct PluginContext: Sendable {
    /// The configuration: flags, environment, file and defaults, in this order, as a part of the role sees it.
    public let settings: Settings

    /// The role for which the plugin was made.
    public let role: String

    /// The service.
    public let service: ServiceIdentity

    private let resolver: @Sendable (_ role: String) throws -> (any Sendable)?

    /// Creates a context.
    ///
    /// - Parameters:
    ///   - settings: The whole configuration, with keys such as `registry.address`.
    ///   - role: The role for which the plugin is made.
    ///   - service: The service.
    ///   - resolver: Finds the service's part of another role.
    public init(
        settings: Settings, role: String, service: ServiceIdentity,
        resolver: @escaping @Sendable (_ role: String) throws -> (any Sendable)? = { _ in nil }
    ) {
        self.init(scoped: settings.scoped(to: role), role: role, service: service, resolver: resolver)
    }

    /// Creates a context with settings as the part sees them.
    package init(
        scoped settings: Settings, role: String, service: ServiceIdentity,
        resolver: @escaping @Sendable (_ role: String) throws -> (any Sendable)?
    ) {
        self.settings = settings
        self.role = role
        self.service = service
        self.resolver = resolver
    }

    /// Returns the service's part of another role, such as the registry that a broker needs.
    ///
    /// - Parameter role: The role.
    /// - Returns: The part that the service uses.
    /// - Throws: A ``StartError`` if there is none, or if the two need each other.
    public func part<Interface>(_ role: PluginRole<Interface>) throws -> Interface {
        guard let part = try resolver(role.name) as? Interface else {
            throw StartError(
                .unknownPlugin, "The \(self.role) needs a \(role.name), and the service has none.")
        }
        return part
    }
}

/// Which service this process is.
public struct ServiceIdentity: Hashable, Sendable {
    /// The name under which it is registered.
    public var name: String

    /// The version.
    public var version: String

    /// The id of the node, new for each process: the name and a unique part.
    public var nodeID: String

    /// Creates an identity.
    ///
    /// - Parameters:
    ///   - name: The name under which it is registered.
    ///   - version: The version.
    ///   - nodeID: The id of the node.
    public init(name: String, version: String, nodeID: String) {
        self.name = name
        self.version = version
        self.nodeID = nodeID
    }
}
