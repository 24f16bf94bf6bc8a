import MicroCore

/// Middleware and handler put together, once, when the service starts.
struct ServerMiddlewareStack: Sendable {
    var calls: [any ServerMiddleware] = []
    var messages: [any ServerMessageMiddleware] = []

    /// The middleware that runs around an endpoint's calls.
    func applying(to endpoint: EndpointInfo) -> Self {
        Self(
            calls: calls.filter { $0.applies(to: endpoint) },
            messages: messages.filter { $0.applies(to: endpoint) })
    }

    /// Puts the message middleware around a handler.
    func wrap<Request: Sendable, Response: Sendable>(
        _ handler: @escaping @Sendable (Request, RequestContext) async throws -> Response
    ) -> @Sendable (Request, RequestContext) async throws -> Response {
        var run = handler
        for middleware in messages.reversed() {
            let next = run
            run = { request, context in
                try await middleware.handle(
                    request, context, next: NextHandler { try await next($0, context) })
            }
        }
        return run
    }

    /// Puts the call middleware around the rest of a call.
    func wrap<Input: Sendable, Answer: Sendable>(
        call: @escaping @Sendable (RequestContext, Input) async throws -> Answer
    ) -> @Sendable (RequestContext, Input) async throws -> Answer {
        var run = call
        for middleware in calls.reversed() {
            let next = run
            run = { context, input in
                try await middleware.handle(context, next: Next { try await next(context, input) })
            }
        }
        return run
    }
}
