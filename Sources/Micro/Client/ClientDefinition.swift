internal import Logging
import MicroCore
internal import MicroPluginKit

/// The parts of a service or client that were given in code.
struct GivenParts: Sendable {
    var registry: (any Registry)?
    var transports: [any Transport] = []
    var broker: (any Broker)?
    var selector: (any Selector)?
    var codecs: [any Codec] = []

    /// The parts by the names of their roles.
    var byRole: [String: any Sendable] {
        var parts: [String: any Sendable] = ["transport": transports, "codec": codecs]
        if let registry { parts["registry"] = registry }
        if let broker { parts["broker"] = broker }
        if let selector { parts["selector"] = selector }
        return parts
    }
}

/// What a client that stands for itself was created with.
struct ClientDefinition: Sendable {
    let name: String?
    let parts: GivenParts
    let plugins: Plugins
    let middleware: [any ClientMiddleware]
    let configuration: ConfigurationSources

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
        await withDiscardingTaskGroup { group in
            // The registry and the connections of this client work beside it until the group is cancelled
            // below, when the client is told to stop.
            group.addTask { await runRegistry(engine) }
            group.addTask { await engine.run() }
            await engine.broker.whileRunning(onFailure: { _ in }) { await stop.wait() }
            group.cancelAll()
        }
    }

    private func makeEngine() throws(StartError) -> ClientEngine {
        let plugins = plugins.withEngineSelectors
        let settings = try Settings(configuration, roles: Set(plugins.all.map(\.role)))
        let assembly = Assembly(
            plugins: plugins, given: parts.byRole, settings: settings,
            identity: ServiceIdentity(name: name ?? "", version: "", nodeID: ""))
        try assembly.checkChoices()
        let canHaveRegistry =
            parts.registry != nil || settings.value("registry") != nil
            || !plugins.plugins(of: "registry").isEmpty
        return try ClientEngine(
            assembly, registry: canHaveRegistry ? assembly.part(.registry) : nil,
            transports: assembly.parts(.transport), codecs: CodecSet(assembly.parts(.codec)),
            middleware: middleware, fromService: name)
    }

    /// Runs the registry; without it, calls of an address are still possible.
    private func runRegistry(_ engine: ClientEngine) async {
        do {
            try await engine.registry?.run()
        } catch {
            guard !Task.isCancelled else { return }
            Logger.current.error(
                "The registry failed.", metadata: [LogKeys.error: "\("\(error)".printable(limit: 2000))"])
            engine.registryFailed(error)
        }
    }
}

extension ClientEngine {
    /// Creates the engine of a client from its parts.
    convenience init(
        _ assembly: Assembly, registry: (any Registry)?, transports: [any Transport], codecs: CodecSet,
        middleware: [any ClientMiddleware], fromService: String?
    ) throws(StartError) {
        let settings = assembly.settings
        try ProtocolChoice.checkClient(transports, settings)
        self.init(
            settings: try ClientSettings(settings), codecs: codecs, middleware: middleware,
            selector: try assembly.part(.selector), registry: registry,
            transports: TransportTable(transports, directProtocol: settings.string("client")),
            broker: BrokerHost { () throws(StartError) in try assembly.part(.broker) },
            metadata: fromService.map { ["micro-from-service": $0] } ?? [:])
    }
}
