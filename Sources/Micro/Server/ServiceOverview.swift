public import MicroCore
internal import MicroPluginKit

/// What a service knows of itself: for endpoints that tell others, such as health.
///
/// A handler finds it in its ``RequestContext/overview``.
public final class ServiceOverview: Sendable {
    /// The service.
    public let identity: ServiceIdentity

    /// All endpoints, the internal ones as well.
    public let endpoints: [EndpointInfo]

    /// When the service was started.
    public let startTime = ContinuousClock.now

    private let attachments: [any Sendable]
    private let current = Broadcast<ServicePhase, ServicePhase>(.starting)

    init(identity: ServiceIdentity, endpoints: [EndpointInfo], attachments: [any Sendable]) {
        self.identity = identity
        self.endpoints = endpoints
        self.attachments = attachments
    }

    /// Where the service is between its start and its end.
    public var phase: ServicePhase { current.value }

    /// The phase that the service is in, and those that follow.
    ///
    /// A reader that is slow misses phases, but never the last one.
    public var phases: AsyncStream<ServicePhase> { current.listen(limit: 1) { $0 } }

    /// Does something that has no end of its own, and cancels it when the service drains.
    ///
    /// Without it such a call would keep the service from stopping for as long as it may.
    ///
    /// - Parameter body: What to do.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw, a ``MicroError`` with the status `unavailable` if the service drains,
    ///   or a `CancellationError` if the task is cancelled.
    public func untilDraining<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            // The work, and what ends it when the service drains: whichever ends first has the other one
            // cancelled.
            group.addTask { try await body() }
            group.addTask { [phases] in
                for await phase in phases where phase >= .draining { break }
                return nil
            }
            defer { group.cancelAll() }
            guard let result = try await group.next().flatMap(\.self) else {
                try Task.checkCancellation()
                throw MicroError(.unavailable, "The service \(identity.name) is stopping.")
            }
            return result
        }
    }

    /// Returns what components have attached to the service.
    ///
    /// - Parameter type: The type of the values.
    /// - Returns: The values of that type, in the order in which they were attached.
    public func attachments<Value: Sendable>(of type: Value.Type) -> [Value] {
        attachments.compactMap { $0 as? Value }
    }

    func enter(_ phase: ServicePhase) { current.send(phase) { $0 = phase } }
}

/// Where a service is between its start and its end.
public struct ServicePhase: Hashable, Comparable, Sendable {
    private let order: Int

    /// It isn't in the registry yet.
    public static var starting: Self { Self(order: 0) }

    /// It is in the registry and answers calls.
    public static var serving: Self { Self(order: 1) }

    /// It leaves the registry, and still answers calls of those who have not heard.
    public static var leaving: Self { Self(order: 2) }

    /// It refuses new calls, and waits for those that run: whatever has no end of its own ends now.
    public static var draining: Self { Self(order: 3) }

    /// Returns whether a phase comes before another one.
    public static func < (lhs: Self, rhs: Self) -> Bool { lhs.order < rhs.order }
}
