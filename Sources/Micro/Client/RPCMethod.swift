internal import MicroCore
internal import Synchronization

/// An endpoint of some service as a client calls it, with what is worth keeping from call to call.
///
/// ```swift
/// let hello = RPCMethod<HelloRequest, HelloReply>("greeter", "Greeter.Hello")
/// let reply = try await client.call(hello, HelloRequest(name: "world"))
/// ```
///
/// Make one where calls are frequent, and keep it; the functions that take names look one up.
public final class RPCMethod<Request: Sendable, Reply: Sendable>: Sendable {
    /// The service's registered name.
    public let service: String

    /// The endpoint, `Type.Method`.
    public let endpoint: String

    /// How the messages are encoded; the first that a linked codec offers for the types if `nil`.
    public let contentSubtype: String?

    /// Whether the method may have its effect several times, so that failed attempts may be made again which the service
    /// may have processed.
    public let isIdempotent: Bool

    let path: String
    private let binding = AtomicLazyReference<MethodBinding<Request, Reply>>()

    /// Creates a method for any family of types, for modules that add one.
    ///
    /// - Parameters:
    ///   - service: The service's registered name.
    ///   - endpoint: The endpoint, `Type.Method` or a whole path.
    ///   - request: The type of requests.
    ///   - reply: The type of replies.
    ///   - contentSubtype: How the messages are encoded.
    ///   - isIdempotent: Whether the method may have its effect several times.
    @_spi(MessageFamily) public init(
        service: String, endpoint: String, request: Request.Type, reply: Reply.Type,
        contentSubtype: String? = nil, isIdempotent: Bool = false
    ) {
        // Middleware and errors know an endpoint by its canonical name, also where a whole path was given.
        let path = CallPath(service: service, endpoint: endpoint)
        self.service = service
        self.endpoint = path.endpoint
        self.contentSubtype = contentSubtype
        self.isIdempotent = isIdempotent
        self.path = path.description
    }

    /// Creates a method.
    ///
    /// - Parameters:
    ///   - service: The service's registered name.
    ///   - endpoint: The endpoint, `Type.Method` or a whole path.
    ///   - contentSubtype: How the messages are encoded.
    ///   - isIdempotent: Whether the method may have its effect several times.
    public convenience init(
        _ service: String, _ endpoint: String, contentSubtype: String? = nil, isIdempotent: Bool = false
    ) where Request: Codable, Reply: Codable {
        self.init(
            service: service, endpoint: endpoint, request: Request.self, reply: Reply.self,
            contentSubtype: contentSubtype, isIdempotent: isIdempotent)
    }

    /// Returns what a client needs for the method's calls.
    func bound(to engine: ClientEngine) throws(MicroError) -> MethodBinding<Request, Reply> {
        if let binding = binding.load(), binding.engine === engine { return binding }
        let new = try MethodBinding(self, engine)
        // A method that is used by two clients keeps what the first one needs.
        let kept = binding.storeIfNil(new)
        return kept.engine === engine ? kept : new
    }
}

/// What one client needs for the calls of one method.
final class MethodBinding<Request: Sendable, Reply: Sendable>: Sendable {
    let engine: ClientEngine
    let route: CallRoute
    let request: MessageCoder<Request>
    let reply: MessageCoder<Reply>

    init(_ method: RPCMethod<Request, Reply>, _ engine: ClientEngine) throws(MicroError) {
        self.engine = engine
        let subtypes = method.contentSubtype.map { [$0.lowercased()] } ?? engine.codecs.subtypes
        for subtype in subtypes {
            guard let request = engine.codecs.coder(for: Request.self, subtype: subtype),
                let reply = engine.codecs.coder(for: Reply.self, subtype: subtype)
            else { continue }
            self.request = request
            self.reply = reply
            route = CallRoute(
                service: method.service, endpoint: method.endpoint, path: method.path, subtype: subtype,
                isIdempotent: method.isIdempotent, engine: engine)
            return
        }
        throw ClientErrors.invalid(
            "No linked codec can encode \(Request.self) and \(Reply.self)"
                + (method.contentSubtype.map { " as \"\($0)\"" } ?? "")
                + ". \(CodecSet.advice)")
    }

    func encode(_ value: Request) throws(MicroError) -> EncodedMessage {
        do {
            return try request.encode(value)
        } catch {
            throw ClientErrors.unencodable(route.endpoint, error)
        }
    }

    func decode(_ message: EncodedMessage) throws(MicroError) -> Reply {
        do {
            return try message.withBytes(reply.decode)
        } catch {
            throw ClientErrors.undecodable(route.endpoint, error)
        }
    }
}

/// Where the calls of a method go, and what runs around them.
final class CallRoute: Sendable {
    let service: String
    let endpoint: String
    let subtype: String
    let middleware: [any ClientMiddleware]

    /// What code and configuration say of the method's calls.
    let policy: ServiceConfig.Method

    /// Whether the code that calls the method says that it may have its effect several times.
    private let isDeclaredIdempotent: Bool

    /// What measures the calls, if anybody wants that.
    let instruments: CallInstruments?

    /// Whether anybody wants to know of the calls.
    let isObserved: Bool

    /// The path of calls to the service's own nodes, and to an address that a call's options give.
    private let path: String

    /// The path of calls that the configuration redirects: a proxy of go-micro takes the service from it.
    private let redirectedPath: String?

    /// The service's entry, so that a call on a warm road needs no look into a dictionary.
    let entry = AtomicLazyReference<DiscoveredService>()

    init(
        service: String, endpoint: String, path: String, subtype: String, isIdempotent: Bool = false,
        engine: ClientEngine
    ) {
        self.service = service
        isDeclaredIdempotent = isIdempotent
        policy = engine.policy(path: path, service: service)
        self.endpoint = endpoint
        self.path = path
        // A whole path may have a Protobuf package in front of the type.
        let endpointName = CallPath(service: service, endpoint: endpoint).endpoint
        redirectedPath =
            engine.settings.redirection.isActive
            ? CallPath(service: service, endpoint: endpointName).description : nil
        self.subtype = subtype
        middleware = engine.middleware.filter { $0.applies(to: endpoint, of: service) }
        instruments = engine.metrics?.instruments(service, endpoint)
        isObserved = engine.metrics != nil || engine.tracing != nil
    }

    /// Whether the method may have its effect several times, as code or registry say.
    var isIdempotent: Bool {
        isDeclaredIdempotent || entry.load()?.snapshot?.idempotent.contains(endpoint) == true
    }

    /// Returns the path of a call.
    func path(_ options: CallOptions) -> String {
        guard let redirectedPath, options.address == nil else { return path }
        return redirectedPath
    }
}
