import MicroCore

/// An endpoint with what runs for its calls.
struct ResolvedEndpoint: Sendable {
    let name: EndpointName
    let info: EndpointInfo
    let route: Route
    let record: EndpointRecord
}

/// Puts all endpoints of a service together with coders and middleware.
enum EndpointResolver {
    static func resolve(
        _ contents: ServiceContents, environment: ServiceEnvironment, codecs: CodecSet,
        middleware: ServerMiddlewareStack
    ) throws(StartError) -> [ResolvedEndpoint] {
        let endpoints = try named(contents.endpoints)
        var counts: [String: Int] = [:]
        for (name, endpoint) in endpoints where !endpoint.options.isInternal {
            counts[name.short, default: 0] += 1
        }
        var middleware = middleware
        middleware.calls.insert(contentsOf: contents.middleware, at: 0)
        var resolved: [ResolvedEndpoint] = []
        for (name, endpoint) in endpoints {
            let isInternal = endpoint.options.isInternal
            let canonical = counts[name.short] == 1 && !isInternal ? name.short : name.full
            let info = EndpointInfo(
                name: canonical, fullName: name.full, isInternal: isInternal, shape: endpoint.shape,
                environment: environment, compression: endpoint.options.compression)
            let served = endpoint.bind(
                EndpointBinding(
                    info: info, codecs: codecs,
                    middleware: isInternal ? ServerMiddlewareStack() : middleware.applying(to: info),
                    placement: Placement(endpoint.options.placement)))
            guard !served.isEmpty else { throw unserved(canonical, codecs: codecs) }
            resolved.append(
                ResolvedEndpoint(
                    name: name, info: info, route: Route(name: canonical, served: served),
                    record: endpoint.record(name: canonical)))
        }
        return resolved
    }

    /// The endpoints with their names.
    ///
    /// An endpoint of the application takes the place of an internal one, and of two internal ones the first
    /// stays: an application can bring its own health.
    private static func named(
        _ endpoints: [Endpoint]
    ) throws(StartError) -> [(name: EndpointName, endpoint: Endpoint)] {
        var named: [(name: EndpointName, endpoint: Endpoint)] = []
        for endpoint in endpoints { named.append((try EndpointName(endpoint.name), endpoint)) }
        var taken: Set<EndpointName> = []
        for (name, endpoint) in named where !endpoint.options.isInternal {
            guard taken.insert(name).inserted else {
                throw StartError(
                    .invalidConfiguration,
                    "The endpoint \"\(name.full)\" is there twice. Rename or remove one of the two.")
            }
        }
        return named.filter { name, endpoint in !endpoint.options.isInternal || taken.insert(name).inserted }
    }

    private static func unserved(_ endpoint: String, codecs: CodecSet) -> StartError {
        let linked =
            codecs.subtypes.isEmpty ? "no codec is linked" : "the linked codecs can't encode its types"
        return StartError(
            .unknownPlugin,
            "The endpoint \"\(endpoint)\" can't be served: \(linked). Add the product \"MicroCodecJSON\" for "
                + "Codable types, or \"MicroCodecProtobuf\" for Protobuf messages, to the target's dependencies "
                + "in Package.swift.")
    }
}
