package import MicroCore

/// The parts on which a test runs services within the process.
package struct TestParts: Sendable {
    let registry: any Registry
    let transport: any Transport
    let broker: any Broker
    let configuration: [String: String]
    let middleware: Middleware
    let time: TimeSource

    package init(
        registry: any Registry, transport: any Transport, broker: any Broker, configuration: [String: String],
        middleware: Middleware, time: TimeSource
    ) {
        self.registry = registry
        self.transport = transport
        self.broker = broker
        self.configuration = configuration
        self.middleware = middleware
        self.time = time
    }

    /// Puts the parts in place of others.
    fileprivate func replace(in overrides: inout PartOverrides) {
        overrides.replace(.registry, registry)
        overrides.replace(.transport, transport)
        overrides.replace(.broker, broker)
    }

    /// What counts of a configuration: the values in code, and those of the test.
    fileprivate func sources(_ own: ConfigurationSources) -> ConfigurationSources {
        ConfigurationSources(overrides: own.overrides.merging(configuration) { _, given in given })
    }
}

extension MicroService {
    /// The service on the parts of a test; it takes the place of this one.
    package func onTestParts(_ parts: TestParts) -> MicroService {
        changing { definition in
            parts.replace(in: &definition.overrides)
            definition.configuration = parts.sources(definition.configuration)
            definition.time = parts.time
            var middleware = parts.middleware
            middleware.append(definition.middleware)
            definition.middleware = middleware
        }
    }

    /// A client of the service on the parts of a test, with the service's codecs.
    package func testClient(_ parts: TestParts) -> MicroClient {
        var overrides = definition.overrides.only(.codec)
        parts.replace(in: &overrides)
        return MicroClient(
            ClientDefinition(
                name: nil, overrides: overrides, plugins: definition.plugins, middleware: [],
                publisherMiddleware: [], configuration: parts.sources(definition.configuration),
                serviceConfig: definition.serviceConfig,
                time: parts.time))
    }
}

extension MicroClient {
    /// The client by the clock of a test; it takes the place of this one.
    package func onTestClock(_ time: TimeSource) -> MicroClient {
        guard var definition else { return self }
        definition.time = time
        return MicroClient(definition)
    }
}
