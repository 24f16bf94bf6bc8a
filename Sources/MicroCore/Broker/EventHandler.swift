/// What a broker calls for each event of a subscription.
///
/// It is a type of its own and not a closure, so that brokers look the same in every package: the meaning of an
/// asynchronous function type depends on a package's upcoming features.
public struct EventHandler: Sendable {
    private let validate: @Sendable (BrokerEvent) throws(MicroError) -> Void
    private let body: @Sendable (ReceivedEvent) async -> Acknowledgement

    /// Creates a handler.
    ///
    /// - Parameters:
    ///   - check: Throws the error that a publisher gets for an event that can never be handled, such as one of
    ///     another content type.
    ///   - body: Handles one event; its answer is the acknowledgement, unless it has settled the event
    ///     itself.
    public init(
        check: @escaping @Sendable (BrokerEvent) throws(MicroError) -> Void = { _ throws(MicroError) in },
        _ body: @escaping @Sendable (ReceivedEvent) async -> Acknowledgement
    ) {
        validate = check
        self.body = body
    }

    /// Checks whether an event can be handled at all.
    ///
    /// A broker whose publishers wait for their subscribers calls it before it hands an event over, and tells
    /// the publisher; others need not.
    ///
    /// - Parameter event: The event.
    /// - Throws: A ``MicroError`` with the status `invalidArgument` that says what the subscriber reads.
    public func check(_ event: BrokerEvent) throws(MicroError) { try validate(event) }

    /// Handles one event.
    ///
    /// - Parameter event: The event.
    /// - Returns: What became of it, unless the handler has settled it itself.
    public func callAsFunction(_ event: ReceivedEvent) async -> Acknowledgement { await body(event) }
}

extension Broker {
    /// Begins to receive the events of a topic, for code that uses a broker by itself.
    ///
    /// - Parameters:
    ///   - options: What to receive, and how.
    ///   - handler: Called for each event; its answer is the acknowledgement, unless the handler has
    ///     settled the event itself.
    /// - Returns: The open subscription.
    /// - Throws: What ``subscribe(_:handler:)`` throws.
    public func subscribe(
        _ options: SubscriptionOptions,
        _ handler: @escaping @Sendable (ReceivedEvent) async -> Acknowledgement
    ) async throws -> any BrokerSubscription {
        try await subscribe(options, handler: EventHandler(handler))
    }
}
