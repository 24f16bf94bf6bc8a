internal import Logging
import MicroCore
internal import MicroInterfaces

/// All that a run of a service needs, checked before anything is started.
struct ServicePlan: Sendable {
    let settings: ServiceSettings
    let registry: any Registry
    let listeners: [ListenerPlan]
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
        listeners = try ListenerPlan.all(try transports.servers(values), settings, values)
        let codecs = CodecSet(try parts.parts(.codec))
        var contents = definition.contents
        for component in try parts.parts(.component) { component.contribute(to: &contents) }
        var middleware = contents.middleware
        middleware.append(definition.middleware)
        engine = try ClientEngine(
            parts, registry: registry, transports: transports, codecs: codecs,
            middleware: middleware.client, publisherMiddleware: middleware.publisher,
            fromService: settings.identity.name, serviceConfig: definition.serviceConfig,
            routing: definition.routing, time: definition.time)
        logger = Logger.current.adding(contents.logHandlers)
        let named = try EndpointResolver.name(
            contents.endpoints, of: settings.identity, compression: settings.compression,
            overload: try OverloadSettings(values, limits: definition.limits), logger: logger)
        overview = ServiceOverview(
            identity: settings.identity, endpoints: named.map(\.info), attachments: contents.attachments)
        let environment = ServiceEnvironment(
            overview: overview, client: client, parts: .service(parts), logger: logger)
        let observation = CallObservation(
            engine.metrics, engine.tracing, log: CallLog(try CallLogSettings(values), logger: logger))
        endpoints = try EndpointResolver.resolve(
            named, environment: environment, codecs: codecs,
            middleware: ServerMiddlewareStack(calls: middleware.server, messages: middleware.messages),
            observation: observation)
        router = Router(endpoints, service: settings.identity.name, observation: observation)
        let broker = contents.subscribers.isEmpty ? nil : try parts.part(.broker)
        brokerName = broker?.name
        subscribers = try SubscriberResolver.resolve(
            contents.subscribers, environment: environment, codecs: codecs,
            middleware: middleware.subscriber, metrics: engine.metrics, tracing: engine.tracing,
            broker: brokerName ?? "")
        engine.metrics?.setReadiness { [overview] in overview.phase == .serving }
        if let broker { try SubscriberResolver.check(subscribers, broker: broker) }
        unknown.logOthers(to: .current)
    }

    /// What is registered of a service that listens, with the addresses that the machine's interfaces give it now.
    func record(_ listeners: ServiceListeners) -> ServiceRecord {
        ServiceRecord(
            name: settings.identity.name, version: settings.identity.version,
            endpoints: endpoints.filter { !$0.info.isInternal }.map(\.record).sorted { $0.name < $1.name }
                + subscribers.map(\.record),
            nodes: listeners.registered.map(node))
    }

    private func node(_ member: ServiceListeners.Member) -> Node {
        var metadata = settings.metadata
        let node = member.plan.transport.nodeProtocol
        metadata["protocol"] = node.protocol
        metadata["transport"] = node.transport
        metadata["server"] = node.protocol
        metadata["registry"] = registry.name
        metadata["broker"] = brokerName
        if metadata["zone"] == nil { metadata["zone"] = settings.zone }
        return Node(id: member.plan.nodeID, address: member.advertised.text, metadata: metadata)
    }
}

extension Plugins {
    /// The catalogue with the selectors of the engine, which a catalogue in code need not list.
    var withEngineSelectors: Plugins {
        let names = Set(plugins(of: "selector").map(\.name))
        return adding(Plugin.engineSelectors.filter { !names.contains($0.name) })
    }
}
