/// The rest of a call or event, as middleware is given it.
///
/// It is a type of its own and not a closure, so that middleware looks the same in every package: the meaning of
/// an asynchronous function type depends on a package's upcoming features.
///
/// It may be called from any task that has ended before the middleware returns. Create one to put other
/// middleware inside your own:
///
/// ```swift
/// struct Both<Outer: ServerMiddleware, Inner: ServerMiddleware>: ServerMiddleware {
///     var outer: Outer
///     var inner: Inner
///
///     func handle<Answer: Sendable>(
///         _ context: RequestContext, next: Next<Answer>
///     ) async throws -> Answer {
///         try await outer.handle(context, next: Next { try await inner.handle(context, next: next) })
///     }
/// }
/// ```
public struct Next<Answer>: Sendable {
    @usableFromInline let body: @Sendable () async throws -> Answer

    /// Creates the rest of a call or event.
    ///
    /// - Parameter body: Does it.
    @inlinable public init(_ body: @escaping @Sendable () async throws -> Answer) { self.body = body }

    /// Does the rest.
    ///
    /// - Returns: What came out, for the middleware to return.
    /// - Throws: Why it failed.
    @inlinable public func callAsFunction() async throws -> Answer { try await body() }
}

/// What is inside a ``ServerMessageMiddleware``: other middleware and the handler.
public struct NextHandler<Request, Response>: Sendable {
    @usableFromInline let body: @Sendable (Request) async throws -> Response

    /// Creates what is inside a middleware.
    ///
    /// - Parameter body: Does it.
    @inlinable public init(_ body: @escaping @Sendable (Request) async throws -> Response) {
        self.body = body
    }

    /// Runs the handler.
    ///
    /// - Parameter request: The request.
    /// - Returns: The reply.
    /// - Throws: What the handler threw.
    @inlinable public func callAsFunction(_ request: Request) async throws -> Response {
        try await body(request)
    }
}
