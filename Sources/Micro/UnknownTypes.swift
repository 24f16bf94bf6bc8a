public import MicroCore

// What types that are neither `Codable` nor Protobuf messages meet: without these, the compiler names one of the two
// protocols, and it may be the wrong one. They are never called.

extension Endpoint {
    /// Tells of types that no codec knows, and of a handler that returns no reply.
    @available(
        *, unavailable,
        message:
            "Requests and replies must be Codable, or Protobuf messages with MicroProtobuf linked, and the closure must return the reply."
    )
    @_disfavoredOverload
    public init<Request: Sendable, Response: Sendable>(
        _ name: String, executionPolicy: ExecutionPolicy.Choice = .automatic, description: String? = nil,
        metadata: [String: String] = [:],
        handler: @escaping @Sendable (Request, RequestContext) async throws -> Response
    ) {
        self = .unary(
            name, request: { nil }, response: { nil },
            options: Options(executionPolicy: executionPolicy, metadata: metadata, description: description),
            handler: handler)
    }

    /// Tells of types that no codec knows.
    @available(
        *, unavailable,
        message: "Requests and replies must be Codable, or Protobuf messages with MicroProtobuf linked."
    )
    @_disfavoredOverload
    public init<Request: Sendable, Response: Sendable>(
        _ name: String, executionPolicy: ExecutionPolicy.Choice = .automatic, description: String? = nil,
        metadata: [String: String] = [:],
        handler: @escaping @Sendable (Request, MessageWriter<Response>, RequestContext) async throws -> Void
    ) {
        self = .serverStream(
            name, request: { nil }, response: { nil },
            options: Options(executionPolicy: executionPolicy, metadata: metadata, description: description),
            handler: handler)
    }
}

extension Subscriber {
    /// Tells of types that no codec knows.
    @available(
        *, unavailable, message: "An event must be Codable, or a Protobuf message with MicroProtobuf linked."
    )
    @_disfavoredOverload
    public init<Event: Sendable>(
        _ topic: String, queue: String? = nil, delivery: Delivery = .atMostOnce, concurrency: Int = 1,
        bufferSize: Int = 1024, description: String? = nil,
        handler: @escaping @Sendable (Event, EventContext) async throws -> Void
    ) {
        self = .handling(
            topic, event: { nil },
            options: Options(
                queue: queue, delivery: delivery, concurrency: concurrency, bufferSize: bufferSize,
                description: description), handler: handler)
    }
}

extension EventPublisher {
    /// Tells of types that no codec knows.
    @available(
        *, unavailable, message: "An event must be Codable, or a Protobuf message with MicroProtobuf linked."
    )
    @_disfavoredOverload
    public func publish<Event: Sendable>(
        _ topic: String, _ event: Event, options: PublishOptions = PublishOptions()
    ) async throws(MicroError) {
        try await publish(topic: topic, value: event, options: options)
    }
}

extension MicroClient {
    /// Tells of types that no codec knows.
    @available(
        *, unavailable,
        message: "Requests and replies must be Codable, or Protobuf messages with MicroProtobuf linked."
    )
    @_disfavoredOverload
    public func call<Request: Sendable, Reply: Sendable>(
        _ service: String, _ endpoint: String, _ request: Request, returning reply: Reply.Type,
        options: CallOptions = CallOptions()
    ) async throws(MicroError) -> Reply {
        try await call(
            await method(service, endpoint, Request.self, reply, options), request, options: options)
    }
}
