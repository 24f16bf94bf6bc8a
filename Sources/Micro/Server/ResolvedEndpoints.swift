import MicroCore

/// An endpoint with what runs for its calls.
struct ResolvedEndpoint: Sendable {
    let name: EndpointName
    let route: Route
    let record: EndpointRecord
}

/// Puts all endpoints of a service together with coders and middleware.
enum EndpointResolver {
    static func resolve(
        _ endpoints: [Endpoint], environment: ServiceEnvironment, codecs: CodecSet,
        middleware: ServerMiddlewareStack
    ) throws(StartError) -> [ResolvedEndpoint] {
        var names: [EndpointName] = []
        for endpoint in endpoints { names.append(try EndpointName(endpoint.name)) }
        var counts: [String: Int] = [:]
        for name in names { counts[name.short, default: 0] += 1 }
        if let twice = Dictionary(grouping: names, by: \.self).first(where: { $0.value.count > 1 }) {
            throw StartError(
                .invalidConfiguration,
                "The endpoint \"\(twice.key.full)\" is there twice. Rename or remove one of the two.")
        }
        var resolved: [ResolvedEndpoint] = []
        for (endpoint, name) in zip(endpoints, names) {
            let canonical = counts[name.short] == 1 ? name.short : name.full
            let info = EndpointInfo(
                name: canonical, shape: endpoint.shape, environment: environment,
                compression: endpoint.options.compression)
            let served = endpoint.bind(
                EndpointBinding(
                    info: info, codecs: codecs, middleware: middleware.applying(to: info),
                    placement: Placement(endpoint.options.placement)))
            guard !served.isEmpty else { throw unserved(canonical, codecs: codecs) }
            resolved.append(
                ResolvedEndpoint(
                    name: name, route: Route(name: canonical, served: served),
                    record: endpoint.record(name: canonical)))
        }
        return resolved
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
