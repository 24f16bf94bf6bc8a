public import MicroCore

extension MicroClient {
    /// Creates a client, which finds its parts and connects when it runs.
    ///
    /// - Parameters:
    ///   - name: The name that is sent along as `micro-from-service`; none by default.
    ///   - registry: The registry; chosen by `MICRO_REGISTRY` if `nil`.
    ///   - transports: Transports beside those that are linked, which are preferred.
    ///   - broker: The broker for events; chosen by `MICRO_BROKER` if `nil`. It is run only if it is used.
    ///   - selector: The selector; chosen by `MICRO_SELECTOR` if `nil`.
    ///   - routing: How the nodes of particular services are chosen, by the services' names.
    ///   - codecs: Codecs beside those that are linked, which are preferred.
    ///   - plugins: The catalogue from which parts are chosen.
    ///   - middleware: What runs around all calls and published events, the outermost first; of other kinds nothing.
    ///   - configuration: Where the configuration comes from.
    ///   - serviceConfig: How methods are called, where that should differ from what is usual.
    public init(
        name: String? = nil, registry: (any Registry)? = nil, transports: [any Transport] = [],
        broker: (any Broker)? = nil, selector: (any Selector)? = nil, routing: [String: Routing] = [:],
        codecs: [any Codec] = [], plugins: Plugins = .linked,
        middleware: [Middleware] = [], configuration: ConfigurationSources = .process,
        serviceConfig: ServiceConfig = ServiceConfig()
    ) {
        let middleware = Middleware(joining: middleware)
        self.init(
            ClientDefinition(
                name: name,
                overrides: PartOverrides(
                    registry: registry, transports: transports, broker: broker, selector: selector,
                    codecs: codecs),
                plugins: plugins, middleware: middleware.client, publisherMiddleware: middleware.publisher,
                configuration: configuration, serviceConfig: serviceConfig, routing: routing))
    }
}
