internal import Logging
import MicroCore
internal import MicroPluginKit

/// What a client that stands for itself was created with.
struct ClientDefinition: Sendable {
    let name: String?
    let overrides: PartOverrides
    let plugins: Plugins
    let middleware: [any ClientMiddleware]
    let publisherMiddleware: [any PublisherMiddleware]
    let configuration: ConfigurationSources
    let serviceConfig: ServiceConfig
    var time = TimeSource.continuous

    /// How the nodes of particular services are chosen.
    var routing: [String: Routing] = [:]

    /// Runs a client until it is told to stop or the task is cancelled.
    func run(_ core: ClientCore, until stop: Latch) async throws {
        let engine: ClientEngine
        do {
            engine = try makeEngine()
            try core.start(engine)
        } catch {
            core.fail(error)
            throw error
        }
        // Cancellation would reach the parts and their users at once. Here it becomes a request to stop in order. The
        // task is awaited at once and has ended when this function returns, so it is as good as a child.
        try await withTaskCancellationHandler {
            try await Task { try await run(engine, until: stop) }.value
        } onCancel: {
            stop.open()
        }
    }

    private func run(_ engine: ClientEngine, until stop: Latch) async throws {
        try await engine.parts.whileRunning { role, error in
            // Without it, calls of an address are still possible.
            if role == PluginRole.registry.name { engine.registryFailed(error) }
        } _: {
            await withDiscardingTaskGroup { group in
                // The connections of this client work beside it until it is told to stop.
                group.addTask { await engine.run() }
                await stop.wait()
                group.cancelAll()
            }
        }
    }

    private func makeEngine() throws(StartError) -> ClientEngine {
        let plugins = plugins.withEngineSelectors
        let catalogue = SettingCatalogue(plugins, overrides: overrides)
        let sources = try SettingSources(configuration, catalogue)
        let unknown = UnknownSettings(sources, catalogue)
        unknown.logMisspelled(to: .current)
        let settings = sources.settings
        let parts = PartResolver(
            plugins: plugins, overrides: overrides, settings: settings,
            identity: ServiceIdentity(name: name ?? "", version: "", nodeID: ""))
        try parts.checkChoices()
        let engine = try ClientEngine(
            parts, registry: parts.has(.registry) ? parts.part(.registry) : nil,
            transports: TransportTable(parts), codecs: CodecSet(parts.parts(.codec)),
            middleware: middleware, publisherMiddleware: publisherMiddleware, fromService: name,
            serviceConfig: serviceConfig, routing: routing, time: time)
        unknown.logOthers(to: .current)
        return engine
    }
}

extension ClientEngine {
    /// Creates the engine of a client from its parts.
    convenience init(
        _ parts: PartResolver, registry: (any Registry)?, transports: TransportTable, codecs: CodecSet,
        middleware: [any ClientMiddleware], publisherMiddleware: [any PublisherMiddleware],
        fromService: String?, serviceConfig: ServiceConfig, routing: [String: Routing], time: TimeSource
    ) throws(StartError) {
        let settings = parts.settings
        self.init(
            settings: try ClientSettings(settings), codecs: codecs, middleware: middleware,
            publisherMiddleware: publisherMiddleware, selector: try parts.part(.selector), registry: registry,
            transports: transports, parts: parts, serviceConfig: serviceConfig, routing: routing,
            metadata: fromService.map { ["micro-from-service": $0] } ?? [:], time: time,
            metrics: try EngineMetrics.resolve(parts, service: fromService),
            tracing: try EngineTracing.resolve(parts))
    }
}
