public import MicroCore

// The overloads are constrained so that a mistake in a function's body is reported in the body: a
// forgotten `return`, for example, would otherwise make an endpoint whose reply is `Void`.
extension Endpoint {
    /// Creates an endpoint with one message each way.
    ///
    /// - Parameters:
    ///   - name: The name, `Type.Method`; a Protobuf package may stand in front.
    ///   - executionPolicy: Where the function runs.
    ///   - description: What the endpoint does, for a person to read.
    ///   - metadata: What the registry tells of the endpoint.
    ///   - handler: Answers one request.
    public init<Request: Codable & Sendable, Response: Codable & Sendable>(
        _ name: String, executionPolicy: ExecutionPolicy.Choice = .automatic, description: String? = nil,
        metadata: [String: String] = [:],
        handler: @escaping @Sendable (Request, RequestContext) async throws -> Response
    ) {
        self = .unary(
            name, request: { ValueRecord(describing: Request.self) },
            response: { ValueRecord(describing: Response.self) },
            options: Options(executionPolicy: executionPolicy, metadata: metadata, description: description),
            handler: handler)
    }

    /// Creates an endpoint with one message in and many out.
    ///
    /// - Parameters:
    ///   - name: The name, `Type.Method`; a Protobuf package may stand in front.
    ///   - executionPolicy: Where the function runs.
    ///   - description: What the endpoint does, for a person to read.
    ///   - metadata: What the registry tells of the endpoint.
    ///   - handler: Answers one request by writing replies; the call ends when it returns.
    public init<Request: Codable & Sendable, Response: Codable & Sendable>(
        _ name: String, executionPolicy: ExecutionPolicy.Choice = .automatic, description: String? = nil,
        metadata: [String: String] = [:],
        handler: @escaping @Sendable (Request, MessageWriter<Response>, RequestContext) async throws -> Void
    ) {
        self = .serverStream(
            name, request: { ValueRecord(describing: Request.self) },
            response: { ValueRecord(describing: Response.self) },
            options: Options(executionPolicy: executionPolicy, metadata: metadata, description: description),
            handler: handler)
    }

    /// Creates an endpoint with many messages in and one out.
    ///
    /// - Parameters:
    ///   - name: The name, `Type.Method`; a Protobuf package may stand in front.
    ///   - executionPolicy: Where the function runs.
    ///   - description: What the endpoint does, for a person to read.
    ///   - metadata: What the registry tells of the endpoint.
    ///   - handler: Reads the requests and returns the reply.
    public init<Request: Codable & Sendable, Response: Codable & Sendable>(
        _ name: String, executionPolicy: ExecutionPolicy.Choice = .automatic, description: String? = nil,
        metadata: [String: String] = [:],
        handler: @escaping @Sendable (MessageStream<Request>, RequestContext) async throws -> Response
    ) {
        self = .clientStream(
            name, request: { ValueRecord(describing: Request.self) },
            response: { ValueRecord(describing: Response.self) },
            options: Options(executionPolicy: executionPolicy, metadata: metadata, description: description),
            handler: handler)
    }

    /// Creates an endpoint with many messages each way.
    ///
    /// - Parameters:
    ///   - name: The name, `Type.Method`; a Protobuf package may stand in front.
    ///   - executionPolicy: Where the function runs.
    ///   - description: What the endpoint does, for a person to read.
    ///   - metadata: What the registry tells of the endpoint.
    ///   - handler: Reads requests and writes replies; the call ends when it returns.
    public init<Request: Codable & Sendable, Response: Codable & Sendable>(
        _ name: String, executionPolicy: ExecutionPolicy.Choice = .automatic, description: String? = nil,
        metadata: [String: String] = [:],
        handler:
            @escaping @Sendable (MessageStream<Request>, MessageWriter<Response>, RequestContext) async throws
            -> Void
    ) {
        self = .bidirectional(
            name, request: { ValueRecord(describing: Request.self) },
            response: { ValueRecord(describing: Response.self) },
            options: Options(executionPolicy: executionPolicy, metadata: metadata, description: description),
            handler: handler)
    }
}
