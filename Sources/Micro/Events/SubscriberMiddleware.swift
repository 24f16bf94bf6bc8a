/// Code that runs around the events of a service: it can refuse, measure or log them.
///
/// ```swift
/// struct LogEvents: SubscriberMiddleware {
///     func handle(_ context: EventContext, next: Next<Void>) async throws {
///         print("\(context.topic), attempt \(context.attempt)")
///         try await next()
///     }
/// }
///
/// MicroService("shop", middleware: [.subscriber(LogEvents())]) { … }
/// ```
///
/// The first middleware of a service is the outermost.
public protocol SubscriberMiddleware: Sendable {
    /// Runs around one event, before it is decoded.
    ///
    /// - Parameters:
    ///   - context: The event.
    ///   - next: Decodes the event and runs the subscriber's function.
    /// - Throws: What `next` threw, or another error, to refuse the event.
    func handle(_ context: EventContext, next: Next<Void>) async throws

    /// Returns whether the middleware runs around a subscriber's events; asked once, at start.
    ///
    /// - Parameter subscriber: The subscriber.
    /// - Returns: Whether it does.
    func applies(to subscriber: SubscriberInfo) -> Bool
}

extension SubscriberMiddleware {
    /// Runs around all events.
    public func applies(to subscriber: SubscriberInfo) -> Bool { true }
}
