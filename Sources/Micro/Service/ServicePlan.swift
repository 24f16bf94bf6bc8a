internal import Logging
import MicroCore
internal import MicroInterfaces

/// All that a run of a service needs, checked before anything is started.
struct ServicePlan: Sendable {
    let settings: ServiceSettings
    let registry: any Registry
    let transport: any Transport
    let parts: PartResolver
    let engine: ClientEngine
    let router: Router
    let subscribers: [ResolvedSubscriber]
    let overview: ServiceOverview

    /// What the run logs to: the program's log, and what components have added.
    let logger: Logger
    private let endpoints: [ResolvedEndpoint]

    /// The name of the broker, if the service has subscribers.
    private let brokerName: String?

    init(_ definition: ServiceDefinition, client: MicroClient) throws(StartError) {
        let plugins = definition.plugins.withEngineSelectors
        let catalogue = SettingCatalogue(plugins, overrides: definition.overrides)
        let sources = try SettingSources(definition.configuration, catalogue)
        let unknown = UnknownSettings(sources, catalogue)
        unknown.logMisspelled(to: .current)
        let values = sources.settings
        settings = try ServiceSettings(values, defaults: definition.defaults)
        parts = PartResolver(
            plugins: plugins, overrides: definition.overrides, settings: values, identity: settings.identity)
        try parts.checkChoices()
        registry = try parts.part(.registry)
        let transports = try TransportTable(parts)
        transport = try transports.server(values)
        let codecs = CodecSet(try parts.parts(.codec))
        engine = try ClientEngine(
            parts, registry: registry, transports: transports, codecs: codecs,
            middleware: definition.clientMiddleware, fromService: settings.identity.name)
        var contents = definition.contents
        for component in try parts.parts(.component) { component.contribute(to: &contents) }
        logger = Logger.current.adding(contents.logHandlers)
        let named = try EndpointResolver.name(
            contents.endpoints, of: settings.identity, compression: settings.compression)
        overview = ServiceOverview(
            identity: settings.identity, endpoints: named.map(\.info), attachments: contents.attachments)
        let environment = ServiceEnvironment(overview: overview, client: client, parts: parts, logger: logger)
        var middleware = definition.middleware
        middleware.calls.insert(contentsOf: contents.middleware, at: 0)
        endpoints = try EndpointResolver.resolve(
            named, environment: environment, codecs: codecs, middleware: middleware)
        router = Router(endpoints, service: settings.identity.name)
        subscribers = try SubscriberResolver.resolve(
            contents.subscribers, environment: environment, codecs: codecs,
            middleware: definition.subscriberMiddleware)
        let broker = subscribers.isEmpty ? nil : try parts.part(.broker)
        brokerName = broker?.name
        if let broker { try SubscriberResolver.check(subscribers, broker: broker) }
        unknown.logOthers(to: .current)
    }

    /// The address at which others reach a service that listens, as the machine's interfaces are now.
    func advertisedAddress(boundTo address: ListenAddress) -> AdvertisedAddress {
        AdvertisedAddress(settings.advertise, boundTo: address)
    }

    /// What is registered of a service that others reach at an address.
    func record(at address: AdvertisedAddress) -> ServiceRecord {
        var metadata = settings.metadata
        let node = transport.nodeProtocol
        metadata["protocol"] = node.protocol
        metadata["transport"] = node.transport
        metadata["server"] = node.protocol
        metadata["registry"] = registry.name
        metadata["broker"] = brokerName
        return ServiceRecord(
            name: settings.identity.name, version: settings.identity.version,
            endpoints: endpoints.filter { !$0.info.isInternal }.map(\.record).sorted { $0.name < $1.name }
                + subscribers.map(\.record),
            nodes: [
                Node(id: settings.identity.nodeID, address: address.text, metadata: metadata)
            ])
    }
}

extension Plugins {
    /// The catalogue with the selectors of the engine, which a catalogue in code need not list.
    var withEngineSelectors: Plugins {
        let names = Set(plugins(of: "selector").map(\.name))
        return adding([.randomSelector, .roundRobinSelector].filter { !names.contains($0.name) })
    }
}
