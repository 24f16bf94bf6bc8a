public import MicroCore

extension MicroClient {
    /// Makes a call with one request and many replies.
    ///
    /// The call lives as long as the closure: if it returns or throws before the last reply, the call is
    /// cancelled.
    ///
    /// ```swift
    /// try await client.stream("clock", "Clock.Ticks", Start(), returning: Tick.self) { ticks in
    ///     for try await tick in ticks { print(tick) }
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - service: The service's registered name.
    ///   - endpoint: The endpoint, `Type.Method` or a whole path.
    ///   - request: The request.
    ///   - reply: The type of the replies.
    ///   - options: How the call is made.
    ///   - body: Reads the replies.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw, or why the service could not be called.
    public func stream<Request: Codable & Sendable, Reply: Codable & Sendable, Result>(
        _ service: String, _ endpoint: String, _ request: Request, returning reply: Reply.Type,
        options: CallOptions = CallOptions(), _ body: (MessageStream<Reply>) async throws -> Result
    ) async throws -> Result {
        let method = try await method(service, endpoint, Request.self, reply, options)
        return try await stream(method, request, options: options, body)
    }

    /// Makes a call with many requests and one reply.
    ///
    /// - Parameters:
    ///   - service: The service's registered name.
    ///   - endpoint: The endpoint, `Type.Method` or a whole path.
    ///   - request: The type of the requests.
    ///   - reply: The type of the reply.
    ///   - options: How the call is made.
    ///   - body: Writes the requests; when it returns, the requests end.
    /// - Returns: The reply.
    /// - Throws: What the closure threw, the error that the service answered with, or why it could not be
    ///   called.
    public func stream<Request: Codable & Sendable, Reply: Codable & Sendable>(
        _ service: String, _ endpoint: String, sending request: Request.Type, returning reply: Reply.Type,
        options: CallOptions = CallOptions(), _ body: (RequestWriter<Request>) async throws -> Void
    ) async throws -> Reply {
        let method = try await method(service, endpoint, request, reply, options)
        return try await stream(method, options: options, body)
    }

    /// Makes a call with many requests and many replies.
    ///
    /// The call lives as long as the closure: if it returns or throws before the last reply, the call is
    /// cancelled.
    ///
    /// - Parameters:
    ///   - service: The service's registered name.
    ///   - endpoint: The endpoint, `Type.Method` or a whole path.
    ///   - request: The type of the requests.
    ///   - reply: The type of the replies.
    ///   - options: How the call is made.
    ///   - body: Writes the requests and reads the replies, at once or in turn.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw, or why the service could not be called.
    public func stream<Request: Codable & Sendable, Reply: Codable & Sendable, Result>(
        _ service: String, _ endpoint: String, sending request: Request.Type, returning reply: Reply.Type,
        options: CallOptions = CallOptions(),
        _ body: (RequestWriter<Request>, MessageStream<Reply>) async throws -> Result
    ) async throws -> Result {
        let method = try await method(service, endpoint, request, reply, options)
        return try await stream(method, options: options, body)
    }
}

extension MicroClient {
    /// Makes a call with one request and many replies.
    ///
    /// - Parameters:
    ///   - method: What to call.
    ///   - request: The request.
    ///   - options: How the call is made; its content subtype does not count.
    ///   - body: Reads the replies.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw, or why the service could not be called.
    public func stream<Request: Sendable, Reply: Sendable, Result>(
        _ method: RPCMethod<Request, Reply>, _ request: Request, options: CallOptions = CallOptions(),
        _ body: (MessageStream<Reply>) async throws -> Result
    ) async throws -> Result {
        try await withStream(method, .serverStream, options) { writer, replies in
            try await writer.write(request)
            // The service may have ended the call already; reading tells how, behind its replies.
            try? await writer.finish()
            return try await body(replies)
        }
    }

    /// Makes a call with many requests and one reply.
    ///
    /// - Parameters:
    ///   - method: What to call.
    ///   - options: How the call is made; its content subtype does not count.
    ///   - body: Writes the requests; when it returns, the requests end.
    /// - Returns: The reply.
    /// - Throws: What the closure threw, the error that the service answered with, or why it could not be
    ///   called.
    public func stream<Request: Sendable, Reply: Sendable>(
        _ method: RPCMethod<Request, Reply>, options: CallOptions = CallOptions(),
        _ body: (RequestWriter<Request>) async throws -> Void
    ) async throws -> Reply {
        try await withStream(method, .clientStream, options) { writer, replies in
            do {
                try await body(writer)
                try await writer.finish()
            } catch let error as MicroError {
                // The service may have answered before it had all requests: then that counts.
                guard let early = try await replies.next() else { throw error }
                return early
            }
            guard let reply = try await replies.next() else {
                throw MicroError(
                    .unimplemented, "\(method.endpoint) ended the call without a reply.", id: ClientErrors.id)
            }
            // What is behind the reply is the call's outcome.
            guard try await replies.next() == nil else {
                throw MicroError(
                    .unimplemented,
                    "\(method.endpoint) answered with a second reply, and the call takes one.",
                    id: ClientErrors.id)
            }
            return reply
        }
    }

    /// Makes a call with many requests and many replies.
    ///
    /// - Parameters:
    ///   - method: What to call.
    ///   - options: How the call is made; its content subtype does not count.
    ///   - body: Writes the requests and reads the replies, at once or in turn.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw, or why the service could not be called.
    public func stream<Request: Sendable, Reply: Sendable, Result>(
        _ method: RPCMethod<Request, Reply>, options: CallOptions = CallOptions(),
        _ body: (RequestWriter<Request>, MessageStream<Reply>) async throws -> Result
    ) async throws -> Result {
        try await withStream(method, .bidirectional, options, body)
    }

    /// Makes a streaming call whose messages are encoded already.
    ///
    /// - Parameters:
    ///   - service: The service's registered name.
    ///   - endpoint: The endpoint, `Type.Method` or a whole path.
    ///   - contentSubtype: How messages are encoded, such as `json`.
    ///   - options: How the call is made; its content subtype does not count.
    ///   - body: Uses the stream, which is cancelled if it still runs afterwards.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw, or why the service could not be called.
    public func streamRaw<Result>(
        _ service: String, _ endpoint: String, contentSubtype: String,
        options: CallOptions = CallOptions(), _ body: (any ClientCallStream) async throws -> Result
    ) async throws -> Result {
        let engine = try await runningEngine(options)
        let route = rawRoute(service, endpoint, contentSubtype, engine)
        return try await withStream(engine, route, .bidirectional, options, body)
    }

    private func withStream<Request: Sendable, Reply: Sendable, Result>(
        _ method: RPCMethod<Request, Reply>, _ shape: CallShape, _ options: CallOptions,
        _ body: (RequestWriter<Request>, MessageStream<Reply>) async throws -> Result
    ) async throws -> Result {
        let engine = try await runningEngine(options)
        let binding = try method.bound(to: engine)
        let endpoint = method.endpoint
        return try await withStream(engine, binding.route, shape, options) { stream in
            let writer = MessageWriter<Request>(
                encode: binding.request.encode,
                describeFailure: { ClientErrors.unencodable(endpoint, $0) },
                send: { message async throws(MicroError) in try await stream.send(message) })
            let replies = MessageStream<Reply>(
                decode: binding.reply.decode,
                describeFailure: { ClientErrors.undecodable(endpoint, $0) },
                receive: { () async throws(MicroError) in try await stream.receive() })
            return try await body(
                RequestWriter(writer, end: { () async throws(MicroError) in try await stream.finish() }),
                replies)
        }
    }

    private func withStream<Result>(
        _ engine: ClientEngine, _ route: CallRoute, _ shape: CallShape, _ options: CallOptions,
        _ body: (any ClientCallStream) async throws -> Result
    ) async throws -> Result {
        let call = route.outgoing(
            shape, engine.outgoing(options.metadata.carrying(trace), options.criticality ?? criticality),
            engine.deadline(options, route, bound: bound, defaultTimeout: nil))
        return try await route.around(call) { call in
            try await engine.measuredStream(route, call.metadata) { metadata, observed in
                var ticket: NodeAttempt?
                let stream = try await engine.open(
                    route, options, deadline: call.deadline, metadata: metadata, ticket: &ticket)
                defer { stream.cancel() }
                do {
                    let result = try await body(observed(stream))
                    engine.finish(&ticket, route, nil, isStream: true)
                    return result
                } catch {
                    // An error that isn't the call's own says nothing of the node: the caller gave the call up.
                    engine.finish(
                        &ticket, route, error as? MicroError ?? ClientErrors.cancelled(), isStream: true)
                    throw error
                }
            }
        }
    }
}
