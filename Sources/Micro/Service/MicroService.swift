public import MicroCore
public import ServiceLifecycle

/// A service: endpoints and subscribers under a name, found by others in a registry.
///
/// ```swift
/// let service = MicroService("greeter") {
///     Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
///         HelloReply(message: "Hello, \(request.name)!")
///     }
/// }
/// await service.main()
/// ```
///
/// Registry, transport and the other parts are chosen among the linked plugins by flags, environment or
/// file, unless they are given here.
///
/// ## Start and stop
///
/// ``main()`` is a whole program, with signals and a log; ``run()`` is a service for a `ServiceGroup`.
///
/// Either starts the service's parts and the `services` beside it, runs the ``onStart(_:)`` hooks, listens, subscribes,
/// registers the node, and runs the ``onReady(_:)`` hooks. To stop, it leaves the registry, waits a moment for the
/// registry's clients to notice, refuses new calls, lets those that run finish within a limit, unsubscribes, lets the
/// events that are being handled finish within the same limit, runs the ``onStop(_:)`` hooks, and ends the `services`
/// beside it and its parts, in reverse.
///
/// Name, version, id, address and metadata are defaults, which `MICRO_SERVER_NAME`,
/// `MICRO_SERVER_VERSION`, `MICRO_SERVER_ID`, `MICRO_SERVER_ADDRESS` and `MICRO_SERVER_METADATA` replace.
public final class MicroService: Service, Sendable {
    /// Calls other services; it works while the service runs.
    public let client: MicroClient

    let definition: ServiceDefinition

    /// Creates a service, which starts nothing before it runs.
    ///
    /// - Parameters:
    ///   - name: The name under which it is registered.
    ///   - version: The version; `latest` by default.
    ///   - id: The unique part of the node's id; a new one for each run by default.
    ///   - address: Where to listen; all addresses and any free port by default.
    ///   - metadata: What the registry tells of the node, beside what the engine adds.
    ///   - registry: The registry; chosen by `MICRO_REGISTRY` if `nil`.
    ///   - transport: The transport to serve on, which calls may use as well; chosen by `MICRO_SERVER` if
    ///     `nil`. ``using(_:_:)`` adds further ones.
    ///   - broker: The broker for events; chosen by `MICRO_BROKER` if `nil`. It is run only if it is used.
    ///   - selector: The rule by which the client picks nodes; chosen by `MICRO_SELECTOR` if `nil`.
    ///   - codecs: Codecs beside those that are linked, which are preferred.
    ///   - plugins: The catalogue from which parts are chosen.
    ///   - services: Services that this one needs, such as the pool of a database: they begin in this order before the
    ///     service starts, and are shut down in reverse once its last call and event have ended. One that ends earlier
    ///     stops the service.
    ///   - middleware: What runs around calls and events, in both directions, the outermost first.
    ///   - limits: How many calls the service takes.
    ///   - configuration: Where the configuration comes from.
    ///   - serviceConfig: How the client calls methods, where that should differ from what is usual.
    ///   - components: What the service is made of.
    public init(
        _ name: String, version: String? = nil, id: String? = nil, address: String? = nil,
        metadata: [String: String] = [:], registry: (any Registry)? = nil,
        transport: (any Transport)? = nil, broker: (any Broker)? = nil, selector: (any Selector)? = nil,
        codecs: [any Codec] = [], plugins: Plugins = .linked, services: [any Service] = [],
        middleware: [Middleware] = [], limits: CallLimits = CallLimits(),
        configuration: ConfigurationSources = .process,
        serviceConfig: ServiceConfig = ServiceConfig(),
        @ServiceBuilder _ components: () -> [any ServiceComponent]
    ) {
        var contents = ServiceContents()
        for component in components() { component.contribute(to: &contents) }
        client = MicroClient(core: ClientCore())
        definition = ServiceDefinition(
            defaults: ServiceDefaults(
                name: name, version: version, id: id, address: address, metadata: metadata),
            overrides: PartOverrides(
                registry: registry, transports: transport.map { [$0] } ?? [], broker: broker,
                selector: selector, codecs: codecs),
            plugins: plugins, services: services,
            middleware: Middleware(joining: middleware), limits: limits, configuration: configuration,
            serviceConfig: serviceConfig, contents: contents)
    }

    init(definition: ServiceDefinition, client: MicroClient) {
        self.definition = definition
        self.client = client
    }
}

/// What a service was created with.
struct ServiceDefinition: Sendable {
    let defaults: ServiceDefaults
    var overrides: PartOverrides
    let plugins: Plugins
    let services: [any Service]
    var hooks = ServiceHooks()
    var middleware: Middleware
    let limits: CallLimits
    var configuration: ConfigurationSources
    let serviceConfig: ServiceConfig
    var time = TimeSource.continuous
    var routing: [String: Routing] = [:]
    let contents: ServiceContents
}

/// A service that answers calls and is in the registry, or soon will be.
public struct RunningService: Sendable {
    /// The service.
    public let identity: ServiceIdentity

    /// The addresses that are bound, one for each transport, with the ports that the system chose.
    public let addresses: [ListenAddress]

    /// The address that is bound, the first one if there are several.
    public var address: ListenAddress { addresses.first ?? .host("", port: 0) }

    /// What is registered, with the address that the machine's interfaces give it now.
    public var record: ServiceRecord { currentRecord() }

    /// Calls other services.
    public let client: MicroClient

    let parts: PartResolver
    let subscriptions: EventSubscriptions
    let currentRecord: @Sendable () -> ServiceRecord

    /// Returns the service's part of a role, such as a store; makes and starts it if nobody has used it so far.
    ///
    /// - Parameter role: The role of which one part is chosen.
    /// - Returns: The part.
    /// - Throws: A ``StartError`` that says why there is none.
    public func part<Interface: Sendable>(_ role: PluginRole<Interface>) throws(StartError) -> Interface {
        try parts.part(role)
    }

    /// What has become of the events of each subscriber so far.
    public var subscribers: [SubscriberStatistics] { subscriptions.statistics }
}
