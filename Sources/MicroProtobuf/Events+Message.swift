@_spi(MessageFamily) public import Micro
public import MicroCore
public import SwiftProtobuf

extension Subscriber {
    /// Creates a subscriber of Protobuf messages.
    ///
    /// - Parameters:
    ///   - topic: The topic.
    ///   - queue: The queue; of all subscribers with one queue, each event goes to one.
    ///   - delivery: How sure it must be that an event arrives.
    ///   - concurrency: How many events are handled at once; above 1 their order is given up.
    ///   - bufferSize: How many events wait for the function at most.
    ///   - description: What the subscriber does, for a person to read.
    ///   - handler: Handles one event.
    public init<Event: SwiftProtobuf.Message>(
        _ topic: String, queue: String? = nil, delivery: Delivery = .atMostOnce, concurrency: Int = 1,
        bufferSize: Int = 1024, description: String? = nil,
        handler: @escaping @Sendable (Event, EventContext) async throws -> Void
    ) {
        self = .handling(
            topic, event: { ValueRecord(describingMessage: Event.self) },
            options: Options(
                queue: queue, delivery: delivery, concurrency: concurrency, bufferSize: bufferSize,
                description: description),
            handler: handler)
    }
}

extension EventPublisher {
    /// Publishes a Protobuf message as an event.
    ///
    /// - Parameters:
    ///   - topic: The topic.
    ///   - event: The event.
    ///   - options: How it is published.
    /// - Throws: A ``MicroError`` with the status `unavailable` if the broker can't be reached or did not get
    ///   rid of the event, `invalidArgument` if topic or event can't be sent, and `failedPrecondition` if
    ///   there is no broker.
    public func publish<Event: SwiftProtobuf.Message>(
        _ topic: String, _ event: Event, options: PublishOptions = PublishOptions()
    ) async throws(MicroError) {
        try await publish(topic: topic, value: event, options: options)
    }
}
