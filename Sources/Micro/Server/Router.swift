import MicroCore

/// Finds the endpoint of each call that arrives.
///
/// All paths by which endpoints are usually called are prepared, so that finding one costs a single
/// look into a dictionary. Other package prefixes take the slow way; nothing is memoised, since callers
/// choose the paths.
///
/// Internal endpoints answer on their exact paths alone, `/Debug/Log` and `/greeter.Debug/Log`: a proxy that
/// refuses these must not be passed by another prefix.
final class Router: CallHandler {
    /// The longest path that is looked at.
    private static let pathLimit = 1024

    private let exact: [String: Route]
    private let byEndpoint: [String: ShortName]
    private let types: Set<String>
    private let observation: CallObservation

    /// What `Type.Method` without a package stands for.
    private enum ShortName {
        case one(Route)
        case ambiguous
    }

    /// Creates the router of a service.
    ///
    /// - Parameters:
    ///   - endpoints: The endpoints with what runs for them.
    ///   - service: The name of the service, which go-micro's clients put in front of the type.
    ///   - observation: What watches the calls, of those that are refused here as well.
    init(_ endpoints: [ResolvedEndpoint], service: String, observation: CallObservation = .none) {
        self.observation = observation
        // Nothing internal ever shadows the application's names.
        let own = Self.shortNames(endpoints.filter { !$0.info.isInternal })
        let all = own.merging(Self.shortNames(endpoints.filter(\.info.isInternal))) { own, _ in own }
        var exact: [String: Route] = [:]
        for endpoint in endpoints {
            if case .one(let route) = all[endpoint.name.short], route === endpoint.route {
                exact[endpoint.name.path(package: "")] = endpoint.route
                exact[endpoint.name.path(package: service)] = endpoint.route
            }
        }
        for endpoint in endpoints.filter(\.info.isInternal) + endpoints.filter({ !$0.info.isInternal }) {
            exact[endpoint.name.path(package: endpoint.name.package)] = endpoint.route
        }
        self.exact = exact
        self.byEndpoint = own
        self.types = Set(endpoints.filter { !$0.info.isInternal }.map(\.name.type))
    }

    private static func shortNames(_ endpoints: [ResolvedEndpoint]) -> [String: ShortName] {
        var names: [String: ShortName] = [:]
        for endpoint in endpoints {
            let short = endpoint.name.short
            names[short] = names[short] == nil ? .one(endpoint.route) : .ambiguous
        }
        return names
    }

    func accept(_ head: CallHead) -> CallDecision {
        guard let route = exact[head.path] else {
            let decision = acceptUnusualPath(head)
            if case .refuse(let error) = decision { observation.refused(head, error, endpoint: nil) }
            return decision
        }
        let decision = route.accept(head)
        if case .refuse(let error) = decision { observation.refused(head, error, endpoint: route.name) }
        return decision
    }

    private func acceptUnusualPath(_ head: CallHead) -> CallDecision {
        guard head.path.utf8.count <= Self.pathLimit, let path = CallPath(head.path) else {
            return .refuse(
                MicroError(.invalidArgument, "malformed method name: \"\(head.path.prefix(100))\""))
        }
        switch byEndpoint[path.endpoint] {
        case .one(let route):
            return route.accept(head)
        case .ambiguous:
            return .refuse(
                MicroError(
                    .unimplemented,
                    "ambiguous service \(path.endpoint): several packages have it, so its own must be given"))
        case nil:
            let type = String(path.endpoint.prefix { $0 != "." })
            let unknown = types.contains(type) ? path.endpoint : type
            return .refuse(MicroError(.unimplemented, "unknown service \(unknown)"))
        }
    }
}

/// What runs for the calls of one endpoint.
final class Route: Sendable {
    let name: String
    private let served: [ServedSubtype]

    /// What limits the calls, if anything does.
    private let admission: Admission?

    init(name: String, served: [ServedSubtype], admission: Admission?) {
        self.name = name
        self.served = served
        self.admission = admission
    }

    func accept(_ head: CallHead) -> CallDecision { accept(head, head.contentSubtype) }

    private func accept(_ head: CallHead, _ subtype: String) -> CallDecision {
        // A handful at most, so going through them is faster than a dictionary.
        for candidate in served where candidate.name == subtype {
            if let error = admission?.refusal(of: head) { return .refuse(error) }
            return candidate.acceptance
        }
        return subtype.isEmpty ? accept(head, "proto") : refuse(subtype)
    }

    private func refuse(_ subtype: String) -> CallDecision {
        let names = served.map(\.name).joined(separator: ", ")
        return .refuse(
            MicroError(
                .unimplemented,
                "Unsupported Content-Type: application/grpc+\(subtype.prefix(50)); \(name) serves \(names)"))
    }
}

/// The parts of an endpoint's name.
struct EndpointName: Hashable, Sendable {
    var package: String
    var type: String
    var method: String

    /// Reads `Type.Method`, `package.Type.Method` or `/package.Type/Method`.
    init(_ text: String) throws(StartError) {
        let isPath = text.hasPrefix("/")
        let path = isPath ? CallPath(text) : Self.dotted(text)
        guard let path, let dot = path.endpoint.firstIndex(of: "."),
            text.utf8.count <= 512, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else {
            throw StartError(
                .invalidConfiguration,
                "The endpoint \"\(text)\" has no usable name. It must be Type.Method, package.Type.Method or "
                    + "/package.Type/Method, in printable ASCII.")
        }
        package = path.service
        type = String(path.endpoint[..<dot])
        method = String(path.endpoint[path.endpoint.index(after: dot)...])
    }

    private static func dotted(_ text: String) -> CallPath? {
        guard !text.contains("/"), let dot = text.lastIndex(of: ".") else { return nil }
        return CallPath("/\(text[..<dot])/\(text[text.index(after: dot)...])")
    }

    /// The name without the package.
    var short: String { "\(type).\(method)" }

    /// The name with the package, if it has one.
    var full: String { package.isEmpty ? short : "\(package).\(short)" }

    /// The path of a call, with some package in front of the type.
    func path(package: String) -> String {
        package.isEmpty ? "/\(type)/\(method)" : "/\(package).\(type)/\(method)"
    }
}
