/// Code that runs around the calls of a service: it can refuse, measure or change them.
///
/// ```swift
/// struct RequireToken: ServerMiddleware {
///     func handle<Answer>(
///         _ context: RequestContext, next: Next<Answer>
///     ) async throws -> Answer {
///         guard context.metadata["authorization"] == "Bearer 42" else {
///             throw MicroError(.unauthenticated, "The token is missing or wrong.")
///         }
///         return try await next()
///     }
/// }
///
/// MicroService("greeter", middleware: [.server(RequireToken().only("Greeter.Hello"))]) { … }
/// ```
///
/// The first middleware of a service is the outermost. Which middleware an endpoint has is settled
/// when the service starts: an endpoint without any pays nothing.
///
/// Choose ``ServerMessageMiddleware`` for what needs the decoded messages.
public protocol ServerMiddleware: Sendable {
    /// Runs around one call of any shape, before its request is decoded.
    ///
    /// - Parameters:
    ///   - context: The call, with the endpoint's canonical name.
    ///   - next: Does the rest of the call, which ends when it returns. Calling it a second time on
    ///     a streaming call makes no sense, since its messages are gone.
    /// - Returns: What `next` returned.
    /// - Throws: What `next` threw, or another error to answer with.
    func handle<Answer: Sendable>(
        _ context: RequestContext, next: Next<Answer>
    ) async throws -> Answer

    /// Returns whether the middleware runs around an endpoint's calls; asked once, at start.
    ///
    /// - Parameter endpoint: The endpoint.
    /// - Returns: Whether it does.
    func applies(to endpoint: EndpointInfo) -> Bool
}

extension ServerMiddleware {
    /// Runs around all calls.
    public func applies(to endpoint: EndpointInfo) -> Bool { true }

    /// Returns the middleware for some endpoints only.
    ///
    /// - Parameter endpoints: The canonical names of the endpoints.
    /// - Returns: The middleware.
    public func only(_ endpoints: String...) -> some ServerMiddleware {
        ScopedServerMiddleware(base: self) { endpoints.contains($0.name) }
    }

    /// Returns the middleware for all endpoints but some.
    ///
    /// - Parameter endpoints: The canonical names of the endpoints.
    /// - Returns: The middleware.
    public func except(_ endpoints: String...) -> some ServerMiddleware {
        ScopedServerMiddleware(base: self) { !endpoints.contains($0.name) }
    }
}

private struct ScopedServerMiddleware<Base: ServerMiddleware>: ServerMiddleware {
    let base: Base
    let isWanted: @Sendable (EndpointInfo) -> Bool

    func handle<Answer: Sendable>(
        _ context: RequestContext, next: Next<Answer>
    ) async throws -> Answer {
        try await base.handle(context, next: next)
    }

    func applies(to endpoint: EndpointInfo) -> Bool { isWanted(endpoint) && base.applies(to: endpoint) }
}

/// Code that runs around the handlers of a service and sees decoded messages.
///
/// ```swift
/// struct LogRequests: ServerMessageMiddleware {
///     func handle<Request: Sendable, Response: Sendable>(
///         _ request: Request, _ context: RequestContext, next: NextHandler<Request, Response>
///     ) async throws -> Response {
///         print("\(context.endpoint): \(request)")
///         return try await next(request)
///     }
/// }
/// ```
///
/// It runs inside all ``ServerMiddleware``.
public protocol ServerMessageMiddleware: Sendable {
    /// Runs around one run of a handler.
    ///
    /// `Request` is the request's type, or a ``MessageStream`` of it. `Response` is the reply's type,
    /// or `Void` where the handler writes a stream of replies.
    ///
    /// - Parameters:
    ///   - request: The decoded request.
    ///   - context: The call.
    ///   - next: Runs the handler with a request.
    /// - Returns: The reply.
    /// - Throws: What the handler threw, or another error to answer with.
    func handle<Request: Sendable, Response: Sendable>(
        _ request: Request, _ context: RequestContext, next: NextHandler<Request, Response>
    ) async throws -> Response

    /// Returns whether the middleware runs around an endpoint's handler; asked once, at start.
    ///
    /// - Parameter endpoint: The endpoint.
    /// - Returns: Whether it does.
    func applies(to endpoint: EndpointInfo) -> Bool
}

extension ServerMessageMiddleware {
    /// Runs around all handlers.
    public func applies(to endpoint: EndpointInfo) -> Bool { true }
}
