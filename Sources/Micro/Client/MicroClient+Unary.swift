public import MicroCore

extension MicroClient {
    /// Makes a call with one message each way.
    ///
    /// - Parameters:
    ///   - service: The service's registered name.
    ///   - endpoint: The endpoint, `Type.Method` or a whole path.
    ///   - request: The request.
    ///   - reply: The type of the reply.
    ///   - options: How the call is made.
    /// - Returns: The reply.
    /// - Throws: The error that the service answered with, or why it could not be called.
    public func call<Request: Codable & Sendable, Reply: Codable & Sendable>(
        _ service: String, _ endpoint: String, _ request: Request, returning reply: Reply.Type,
        options: CallOptions = CallOptions()
    ) async throws(MicroError) -> Reply {
        try await call(
            await method(service, endpoint, Request.self, reply, options), request, options: options)
    }

    /// Makes a call with one message each way.
    ///
    /// - Parameters:
    ///   - method: What to call.
    ///   - request: The request.
    ///   - options: How the call is made; its content subtype does not count.
    /// - Returns: The reply.
    /// - Throws: The error that the service answered with, or why it could not be called.
    public func call<Request: Sendable, Reply: Sendable>(
        _ method: RPCMethod<Request, Reply>, _ request: Request, options: CallOptions = CallOptions()
    ) async throws(MicroError) -> Reply {
        let engine = try await runningEngine(options)
        let binding = try method.bound(to: engine)
        guard binding.route.middleware.isEmpty else { return try await wrapped(binding, request, options) }
        let deadline = engine.deadline(options, binding.route, bound: bound)
        let reply = try await engine.measuredUnary(
            binding.route, try binding.encode(request), options, deadline: deadline,
            metadata: engine.outgoing(options.metadata.carrying(trace), options.criticality ?? criticality))
        return try binding.decode(reply.message)
    }

    private func wrapped<Request: Sendable, Reply: Sendable>(
        _ binding: MethodBinding<Request, Reply>, _ request: Request, _ options: CallOptions
    ) async throws(MicroError) -> Reply {
        let engine = binding.engine
        let deadline = engine.deadline(options, binding.route, bound: bound)
        return try await binding.route.unary(
            engine.outgoing(options.metadata.carrying(trace), options.criticality ?? criticality), deadline
        ) { call in
            let reply = try await engine.measuredUnary(
                binding.route, try binding.encode(request), options, deadline: call.deadline ?? deadline,
                metadata: call.metadata)
            return try binding.decode(reply.message)
        }
    }

    /// Makes a call with one message each way, whose messages are encoded already.
    ///
    /// - Parameters:
    ///   - service: The service's registered name.
    ///   - endpoint: The endpoint, `Type.Method` or a whole path.
    ///   - message: The request's bytes.
    ///   - contentSubtype: How they are encoded, such as `json`.
    ///   - options: How the call is made; its content subtype does not count.
    /// - Returns: The reply, with its metadata.
    /// - Throws: The error that the service answered with, or why it could not be called.
    public func callRaw(
        _ service: String, _ endpoint: String, message: EncodedMessage, contentSubtype: String,
        options: CallOptions = CallOptions()
    ) async throws(MicroError) -> UnaryReply {
        let engine = try await runningEngine(options)
        let route = rawRoute(service, endpoint, contentSubtype, engine)
        let deadline = engine.deadline(options, route, bound: bound)
        return try await route.unary(
            engine.outgoing(options.metadata.carrying(trace), options.criticality ?? criticality), deadline
        ) { call in
            try await engine.measuredUnary(
                route, message, options, deadline: call.deadline ?? deadline, metadata: call.metadata)
        }
    }

    /// Returns the method of these names and types; remembers it for later calls.
    ///
    /// It is for modules that add a family of message types.
    ///
    /// - Parameters:
    ///   - service: The service's registered name.
    ///   - endpoint: The endpoint.
    ///   - request: The type of requests.
    ///   - reply: The type of replies.
    ///   - options: How the call is made, which may have a content subtype.
    /// - Returns: The method.
    /// - Throws: Why the client does not run.
    @_spi(MessageFamily) public func method<Request: Sendable, Reply: Sendable>(
        _ service: String, _ endpoint: String, _ request: Request.Type, _ reply: Reply.Type,
        _ options: CallOptions
    ) async throws(MicroError) -> RPCMethod<Request, Reply> {
        let key = MethodKey(
            service: service, endpoint: endpoint, subtype: options.contentSubtype,
            request: ObjectIdentifier(request), reply: ObjectIdentifier(reply))
        return try await runningEngine(options).method(key) {
            RPCMethod(
                service: service, endpoint: endpoint, request: request, reply: reply,
                contentSubtype: options.contentSubtype)
        }
    }

    /// Returns what the client is made of; waits for it to run, within the call's limits.
    func runningEngine(_ options: CallOptions) async throws(MicroError) -> ClientEngine {
        if let engine = core.engine { return engine }
        let limits = [options.timeout.map { .after($0) }, options.deadline, bound].compactMap(\.self)
        return try await core.engine(deadline: limits.min())
    }

    func rawRoute(
        _ service: String, _ endpoint: String, _ subtype: String, _ engine: ClientEngine
    ) -> CallRoute {
        CallRoute(
            service: service, endpoint: endpoint,
            path: CallPath(service: service, endpoint: endpoint).description, subtype: subtype, engine: engine
        )
    }
}

extension ClientEngine {
    /// Returns the moment at which a call with one message each way ends at the latest.
    func deadline(
        _ options: CallOptions, _ route: CallRoute, bound: ContinuousClock.Instant?
    ) -> ContinuousClock.Instant {
        deadline(options, route, bound: bound, defaultTimeout: settings.requestTimeout)
            ?? .now + settings.requestTimeout
    }
}
