internal import Logging
import MicroCore

/// An endpoint with what is known of it before its function is put together.
struct NamedEndpoint: Sendable {
    let name: EndpointName
    let info: EndpointInfo
    let endpoint: Endpoint
}

/// An endpoint with what runs for its calls.
struct ResolvedEndpoint: Sendable {
    let name: EndpointName
    let info: EndpointInfo
    let route: Route
    let record: EndpointRecord
}

/// Puts all endpoints of a service together with coders and middleware.
enum EndpointResolver {
    /// Gives the endpoints of a service their names.
    ///
    /// - Parameters:
    ///   - endpoints: The endpoints.
    ///   - service: The service.
    ///   - compression: How the replies of endpoints are compressed that say nothing of it.
    ///   - overload: What limits calls.
    ///   - logger: What refusals of calls are logged to.
    /// - Returns: The endpoints that are served.
    /// - Throws: A ``StartError`` for a name that can't be used, or that the application has twice, and for limits that
    ///   let nothing in.
    static func name(
        _ endpoints: [Endpoint], of service: ServiceIdentity, compression: Compression,
        overload: OverloadSettings, logger: Logger
    ) throws(StartError) -> [NamedEndpoint] {
        let endpoints = try named(endpoints)
        var counts: [String: Int] = [:]
        for (name, endpoint) in endpoints where !endpoint.options.isInternal {
            counts[name.short, default: 0] += 1
        }
        let admissions = overload.admissions(service: service.name, logger: logger)
        var infos: [NamedEndpoint] = []
        for (name, endpoint) in endpoints {
            let isInternal = endpoint.options.isInternal
            let canonical = counts[name.short] == 1 && !isInternal ? name.short : name.full
            // A service that is overloaded has to say that it is alive.
            let admission =
                isInternal
                ? nil : try admissions(canonical, endpoint.options.limits, endpoint.shape == .unary)
            let info = EndpointInfo(
                name: canonical, fullName: name.full, isInternal: isInternal, shape: endpoint.shape,
                service: service, compression: endpoint.options.compression ?? compression,
                admission: admission)
            infos.append(NamedEndpoint(name: name, info: info, endpoint: endpoint))
        }
        try overload.check(infos.lazy.filter { !$0.info.isInternal }.map(\.info.name))
        return infos
    }

    /// Puts the functions of endpoints together with coders and middleware.
    ///
    /// - Throws: A ``StartError`` if no linked codec can encode an endpoint's messages.
    static func resolve(
        _ endpoints: [NamedEndpoint], environment: ServiceEnvironment, codecs: CodecSet,
        middleware: ServerMiddlewareStack, observation: CallObservation
    ) throws(StartError) -> [ResolvedEndpoint] {
        var resolved: [ResolvedEndpoint] = []
        for named in endpoints {
            let (info, endpoint) = (named.info, named.endpoint)
            let served = endpoint.bind(
                EndpointBinding(
                    info: info, environment: environment, codecs: codecs,
                    middleware: info.isInternal ? ServerMiddlewareStack() : middleware.applying(to: info),
                    executionPolicy: ExecutionPolicy(endpoint.options.executionPolicy)))
            guard !served.isEmpty else { throw unserved(info.name, codecs: codecs) }
            let limited = served.map { subtype in
                let acceptance = info.admission?.limiting(subtype.acceptance) ?? subtype.acceptance
                return ServedSubtype(name: subtype.name, acceptance: acceptance)
            }
            resolved.append(
                ResolvedEndpoint(
                    name: named.name, info: info,
                    route: Route(
                        name: info.name, served: observation.around(limited, of: info),
                        admission: info.admission),
                    record: endpoint.record(name: info.name)))
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
            "The endpoint \"\(endpoint)\" can't be served: \(linked). \(CodecSet.advice)")
    }
}
