public import MicroCore

/// One thing that a service can do: a name, and the function that does it.
///
/// The function's parameters tell which of the four shapes of a call it has:
///
/// ```swift
/// Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
///     HelloReply(message: "Hello, \(request.name)!")
/// }
/// Endpoint("Greeter.Countdown") { (request: Start, replies: MessageWriter<Tick>, context) in
///     for number in (1...request.from).reversed() { try await replies.write(Tick(number: number)) }
/// }
/// Endpoint("Greeter.Sum") { (requests: MessageStream<Number>, context) in
///     var sum = 0
///     for try await number in requests { sum += number.value }
///     return Number(value: sum)
/// }
/// Endpoint("Greeter.Echo") { (requests: MessageStream<Text>, replies: MessageWriter<Text>, context) in
///     for try await text in requests { try await replies.write(text) }
/// }
/// ```
///
/// Requests and replies are `Codable` here; the product `MicroProtobuf` adds the same for Protobuf
/// messages.
///
/// What a function throws reaches the caller if it is a ``MicroError``. Of any other error the caller
/// learns no more than that there was one, and the log has its text.
public struct Endpoint: Sendable {
    /// The name as it was given: `Type.Method`, `package.Type.Method` or `/package.Type/Method`.
    public let name: String

    /// Whether requests and replies are single messages or streams.
    public let shape: CallShape

    private(set) var options: Options
    let request: @Sendable () -> ValueRecord?
    let response: @Sendable () -> ValueRecord?
    let bind: @Sendable (EndpointBinding) -> [ServedSubtype]

    /// What an endpoint has beside its function.
    public struct Options: Hashable, Sendable {
        /// Where the function runs.
        public var executionPolicy: ExecutionPolicy.Choice

        /// What the registry tells of the endpoint, beside its name and types.
        public var metadata: [String: String]

        /// What the endpoint does, for a person to read; the registry has it as `description`.
        public var description: String?

        /// How replies are compressed for callers that understand it; as the service's configuration says if
        /// `nil`.
        public var compression: Compression?

        /// Whether calls may have their effect several times, so that clients may make those again that failed and may
        /// have been processed.
        public var isIdempotent = false

        /// How many calls the endpoint takes; see ``Endpoint/limited(concurrency:rate:callerRate:)``.
        public var limits = CallLimits()

        /// Whether the endpoint belongs to the infrastructure, as health does, and not to the application.
        ///
        /// It isn't registered, the service's middleware does not run around it, and an
        /// endpoint of the application that has the same name takes its place.
        public var isInternal = false

        /// Creates options.
        ///
        /// - Parameters:
        ///   - executionPolicy: Where the function runs.
        ///   - metadata: What the registry tells of the endpoint.
        ///   - description: What the endpoint does.
        ///   - compression: How replies are compressed.
        public init(
            executionPolicy: ExecutionPolicy.Choice = .automatic, metadata: [String: String] = [:],
            description: String? = nil, compression: Compression? = nil
        ) {
            self.executionPolicy = executionPolicy
            self.metadata = metadata
            self.description = description
            self.compression = compression
        }
    }

    /// Returns the endpoint with its replies compressed, for callers that understand it.
    ///
    /// ```swift
    /// Endpoint("Catalogue.Export") { (request: Export, context) in … }.compressed(.gzip)
    /// ```
    ///
    /// - Parameter compression: How; `identity` leaves them as they are, whatever the service's configuration.
    /// - Returns: The endpoint.
    public func compressed(_ compression: Compression) -> Endpoint {
        var endpoint = self
        endpoint.options.compression = compression
        return endpoint
    }

    /// Returns the endpoint as one whose calls may have their effect several times.
    ///
    /// The registry tells clients, which then make calls again that may have been processed before their node became
    /// unavailable.
    ///
    /// ```swift
    /// Endpoint("Catalogue.Find") { (request: Query, context) in … }.idempotent()
    /// ```
    ///
    /// - Returns: The endpoint.
    public func idempotent() -> Endpoint {
        var endpoint = self
        endpoint.options.isIdempotent = true
        return endpoint
    }

    /// Returns the endpoint with limits to its calls.
    ///
    /// ```swift
    /// Endpoint("Reports.Make") { (request: Report, context) in … }
    ///     .limited(concurrency: 4, callerRate: .perSecond(1, burst: 5))
    /// ```
    ///
    /// They hold beside those of the service, and beside the limit that adapts to how long calls take.
    ///
    /// - Parameters:
    ///   - concurrency: How many calls may be in flight; further ones wait a moment for their turn, but not streams.
    ///   - rate: How many calls may begin in a second.
    ///   - callerRate: How many calls one caller may begin in a second.
    /// - Returns: The endpoint.
    public func limited(
        concurrency: Int? = nil, rate: CallRate? = nil, callerRate: CallRate? = nil
    ) -> Endpoint {
        var endpoint = self
        let limits = CallLimits(concurrency: concurrency, rate: rate, callerRate: callerRate)
        endpoint.options.limits = endpoint.options.limits.overridden(by: limits)
        return endpoint
    }

    /// Returns the endpoint as one of the infrastructure; see ``Options/isInternal``.
    ///
    /// - Returns: The endpoint.
    public func asInternal() -> Endpoint {
        var endpoint = self
        endpoint.options.isInternal = true
        return endpoint
    }

    /// What a registry tells of the endpoint.
    func record(name: String) -> EndpointRecord {
        var metadata = options.metadata
        if let description = options.description { metadata["description"] = description }
        if shape.isStream { metadata["stream"] = "true" }
        if options.isIdempotent { metadata["idempotent"] = "true" }
        return EndpointRecord(name: name, request: request(), response: response(), metadata: metadata)
    }
}

// For modules that add a family of message types, as `MicroProtobuf` does with `@_spi(MessageFamily) import Micro`: the
// types are not constrained here, and the linked codecs decide at start.
@_spi(MessageFamily) extension Endpoint {
    /// Creates an endpoint with one message each way, for any family of types.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - request: Describes the request; called once, at start.
    ///   - response: Describes the reply; called once, at start.
    ///   - options: What the endpoint has beside its function.
    ///   - handler: The function.
    /// - Returns: The endpoint.
    public static func unary<Request: Sendable, Response: Sendable>(
        _ name: String, request: @escaping @Sendable () -> ValueRecord?,
        response: @escaping @Sendable () -> ValueRecord?, options: Options,
        handler: @escaping @Sendable (Request, RequestContext) async throws -> Response
    ) -> Endpoint {
        Endpoint(name: name, shape: .unary, options: options, request: request, response: response) {
            $0.unary(handler)
        }
    }

    /// Creates an endpoint with one message in and many out, for any family of types.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - request: Describes the request; called once, at start.
    ///   - response: Describes a reply; called once, at start.
    ///   - options: What the endpoint has beside its function.
    ///   - handler: The function.
    /// - Returns: The endpoint.
    public static func serverStream<Request: Sendable, Response: Sendable>(
        _ name: String, request: @escaping @Sendable () -> ValueRecord?,
        response: @escaping @Sendable () -> ValueRecord?, options: Options,
        handler: @escaping @Sendable (Request, MessageWriter<Response>, RequestContext) async throws -> Void
    ) -> Endpoint {
        Endpoint(name: name, shape: .serverStream, options: options, request: request, response: response) {
            $0.serverStream(handler)
        }
    }

    /// Creates an endpoint with many messages in and one out, for any family of types.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - request: Describes a request; called once, at start.
    ///   - response: Describes the reply; called once, at start.
    ///   - options: What the endpoint has beside its function.
    ///   - handler: The function.
    /// - Returns: The endpoint.
    public static func clientStream<Request: Sendable, Response: Sendable>(
        _ name: String, request: @escaping @Sendable () -> ValueRecord?,
        response: @escaping @Sendable () -> ValueRecord?, options: Options,
        handler: @escaping @Sendable (MessageStream<Request>, RequestContext) async throws -> Response
    ) -> Endpoint {
        Endpoint(name: name, shape: .clientStream, options: options, request: request, response: response) {
            $0.clientStream(handler)
        }
    }

    /// Creates an endpoint with many messages each way, for any family of types.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - request: Describes a request; called once, at start.
    ///   - response: Describes a reply; called once, at start.
    ///   - options: What the endpoint has beside its function.
    ///   - handler: The function.
    /// - Returns: The endpoint.
    public static func bidirectional<Request: Sendable, Response: Sendable>(
        _ name: String, request: @escaping @Sendable () -> ValueRecord?,
        response: @escaping @Sendable () -> ValueRecord?, options: Options,
        handler:
            @escaping @Sendable (MessageStream<Request>, MessageWriter<Response>, RequestContext) async throws
            -> Void
    ) -> Endpoint {
        Endpoint(name: name, shape: .bidirectional, options: options, request: request, response: response) {
            $0.bidirectional(handler)
        }
    }
}
