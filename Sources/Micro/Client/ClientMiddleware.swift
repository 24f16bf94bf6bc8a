public import MicroCore

/// Code that runs around the calls of a client: it can refuse, measure or change them.
///
/// ```swift
/// struct AddTenant: ClientMiddleware {
///     func handle<Answer>(
///         _ call: OutgoingCall, next: NextCall<Answer>
///     ) async throws -> Answer {
///         var call = call
///         call.metadata["tenant"] = Tenant.current
///         return try await next(call)
///     }
/// }
/// ```
///
/// The first middleware of a client is the outermost. It runs once for a call, whatever the number of
/// attempts, and around the whole of a streaming call.
public protocol ClientMiddleware: Sendable {
    /// Runs around one call.
    ///
    /// - Parameters:
    ///   - call: The call that is about to be made.
    ///   - next: Makes the call, and returns when it has ended.
    /// - Returns: What `next` returned.
    /// - Throws: What `next` threw, or another error.
    func handle<Answer>(
        _ call: OutgoingCall, next: NextCall<Answer>
    ) async throws -> Answer

    /// Returns whether the middleware runs around the calls of an endpoint; asked once for each method.
    ///
    /// - Parameters:
    ///   - endpoint: The endpoint, as the caller names it.
    ///   - service: The service.
    /// - Returns: Whether it does.
    func applies(to endpoint: String, of service: String) -> Bool
}

/// A call that is about to be made.
public struct OutgoingCall: Sendable {
    /// The service's registered name.
    public let service: String

    /// The endpoint, as the caller names it.
    public let endpoint: String

    /// Whether requests and replies are single messages or streams.
    public let shape: CallShape

    /// The metadata to send along.
    public var metadata: Metadata

    /// The moment at which the call ends at the latest.
    public var deadline: ContinuousClock.Instant?
}

extension ClientMiddleware {
    /// Runs around all calls.
    public func applies(to endpoint: String, of service: String) -> Bool { true }

    /// Returns the middleware for the calls of some services only.
    ///
    /// - Parameter services: The names of the services.
    /// - Returns: The middleware.
    public func only(services: String...) -> some ClientMiddleware {
        ScopedClientMiddleware(base: self, services: Set(services))
    }
}

private struct ScopedClientMiddleware<Base: ClientMiddleware>: ClientMiddleware {
    let base: Base
    let services: Set<String>

    func handle<Answer>(
        _ call: OutgoingCall, next: NextCall<Answer>
    ) async throws -> Answer {
        try await base.handle(call, next: next)
    }

    func applies(to endpoint: String, of service: String) -> Bool {
        services.contains(service) && base.applies(to: endpoint, of: service)
    }
}
