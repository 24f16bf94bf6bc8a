import MicroCore

/// What to do with a call of an endpoint, for one way to encode its messages.
struct ServedSubtype: Sendable {
    let name: String
    let acceptance: CallDecision
}

/// An endpoint's function about to be put together with coders and middleware.
///
/// This happens once, when the service starts, for each way to encode the messages. What comes out is
/// all that runs on the hot path.
struct EndpointBinding: Sendable {
    let info: EndpointInfo
    let environment: ServiceEnvironment
    let codecs: CodecSet
    let middleware: ServerMiddlewareStack
    let executionPolicy: ExecutionPolicy

    func unary<Q: Sendable, R: Sendable>(
        _ handler: @escaping @Sendable (Q, RequestContext) async throws -> R
    ) -> [ServedSubtype] {
        let handler = middleware.wrap(handler)
        return serve { (coders: EndpointCoders<Q, R>) in
            .unary(unaryRun(coders, handler), executionPolicy)
        }
    }

    func serverStream<Q: Sendable, R: Sendable>(
        _ handler: @escaping @Sendable (Q, MessageWriter<R>, RequestContext) async throws -> Void
    ) -> [ServedSubtype] {
        serve { (coders: EndpointCoders<Q, R>) in
            let run = middleware.wrap {
                (context: RequestContext, call: (EncodedMessage, any ServerCallStream)) in
                let (message, stream) = call
                let writer = coders.writer(stream, context)
                let run = middleware.wrap { (request: Q, context: RequestContext) in
                    try await handler(request, writer, context)
                }
                try await run(try coders.decode(message), context)
                return try await finish(stream, context)
            }
            let (info, environment) = (info, environment)
            return .serverStream(
                { head, message, stream async throws(MicroError) in
                    let context = RequestContext(head, info, environment, request: message)
                    do {
                        return try await run(context, (message, stream))
                    } catch {
                        throw context.outcome(of: error)
                    }
                }, executionPolicy)
        }
    }

    func clientStream<Q: Sendable, R: Sendable>(
        _ handler: @escaping @Sendable (MessageStream<Q>, RequestContext) async throws -> R
    ) -> [ServedSubtype] {
        let handler = middleware.wrap(handler)
        return serve { (coders: EndpointCoders<Q, R>) in
            streamRun { context, stream in
                let response = try await handler(coders.reader(stream), context)
                try await coders.writer(stream, context).write(response)
                return try await finish(stream, context)
            }
        }
    }

    func bidirectional<Q: Sendable, R: Sendable>(
        _ handler:
            @escaping @Sendable (MessageStream<Q>, MessageWriter<R>, RequestContext) async throws -> Void
    ) -> [ServedSubtype] {
        serve { (coders: EndpointCoders<Q, R>) in
            streamRun { context, stream in
                let writer = coders.writer(stream, context)
                let run = middleware.wrap { (requests: MessageStream<Q>, context: RequestContext) in
                    try await handler(requests, writer, context)
                }
                try await run(coders.reader(stream), context)
                return try await finish(stream, context)
            }
        }
    }

    /// Puts an acceptance together for each subtype that has coders for both types.
    private func serve<Q: Sendable, R: Sendable>(
        _ accept: (EndpointCoders<Q, R>) -> CallDecision
    ) -> [ServedSubtype] {
        codecs.subtypes.compactMap { subtype in
            guard let request = codecs.coder(for: Q.self, subtype: subtype),
                let response = codecs.coder(for: R.self, subtype: subtype)
            else { return nil }
            let coders = EndpointCoders(
                failures: CodingFailures(info: info, environment: environment), request: request,
                response: response)
            return ServedSubtype(name: subtype, acceptance: accept(coders))
        }
    }

    /// Puts a unary call together.
    ///
    /// Without middleware the whole call is one function, and the coders' functions are taken out of their
    /// generic types, whose metadata would otherwise be looked up for each call.
    private func unaryRun<Q: Sendable, R: Sendable>(
        _ coders: EndpointCoders<Q, R>,
        _ handler: @escaping @Sendable (Q, RequestContext) async throws -> R
    ) -> UnaryRun {
        let (info, environment) = (info, environment)
        let (failures, admission) = (coders.failures, info.admission)
        let (decode, encode) = (coders.request.decode, coders.response.encode)
        if middleware.calls.isEmpty {
            return { head, message async throws(MicroError) in
                var ticket: EndpointGate.Ticket?
                if let admission, !admission.enter(&ticket) { ticket = try await admission.wait(head) }
                var isAnswered = false
                defer { admission?.leave(ticket, head, isAnswered: isAnswered) }
                let context = RequestContext(head, info, environment, request: message)
                let request: Q
                do { request = try message.withBytes(decode) } catch {
                    throw failures.undecodable(error, context)
                }
                let response: R
                do { response = try await handler(request, context) } catch {
                    throw context.outcome(of: error)
                }
                isAnswered = true
                do { return context.reply(try encode(response)) } catch {
                    throw failures.unencodable(error, context)
                }
            }
        }
        let run = middleware.wrap(call: { (context: RequestContext, message: EncodedMessage) in
            let request = try coders.decode(message)
            let response = try await handler(request, context)
            return context.reply(try coders.encode(response))
        })
        let answer: UnaryRun = { head, message async throws(MicroError) in
            let context = RequestContext(head, info, environment, request: message)
            do {
                return try await run(context, message)
            } catch {
                throw context.outcome(of: error)
            }
        }
        return admission?.limiting(answer) ?? answer
    }

    private func streamRun(
        _ call: @escaping @Sendable (RequestContext, any ServerCallStream) async throws -> Metadata
    ) -> CallDecision {
        let run = middleware.wrap(call: call)
        let (info, environment) = (info, environment)
        return .stream(
            { head, stream async throws(MicroError) in
                let context = RequestContext(head, info, environment)
                do {
                    return try await run(context, stream)
                } catch {
                    throw context.outcome(of: error)
                }
            }, executionPolicy)
    }

    /// Sends leading metadata that no message has taken along, and returns the trailing ones.
    private func finish(_ stream: any ServerCallStream, _ context: RequestContext) async throws -> Metadata {
        try await context.sendResponseMetadata(stream)
        return context.trailingMetadata
    }
}
