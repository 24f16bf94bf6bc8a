public import MicroCore

/// Something that a service does when an event is published.
///
/// ```swift
/// Subscriber("greetings", queue: "log") { (event: Greeting, context) in
///     print(event.message)
/// }
/// ```
///
/// Of all subscribers with one queue, in this service and in others, each event goes to one; without a queue
/// each event goes to every instance of the service.
///
/// When the function returns, the event is acknowledged. When it throws, or the event can't be decoded, the
/// log says so and the event is refused: a broker whose delivery is at least once delivers it again, others
/// drop and count it. A function may tell earlier, with ``EventContext/acknowledge()``.
///
/// Events are `Codable` here; the product `MicroProtobuf` adds the same for Protobuf messages.
public struct Subscriber: Sendable {
    /// The topic.
    public let topic: String

    let options: Options
    let event: @Sendable () -> ValueRecord?
    let bind: @Sendable (SubscriberBinding) -> EventHandler?

    /// What a subscriber has beside its topic and function.
    public struct Options: Hashable, Sendable {
        /// The queue; of all subscribers with one queue, each event goes to one.
        public var queue: String?

        /// How sure it must be that an event arrives; the service does not start if its broker can't do it.
        public var delivery: Delivery

        /// How many events are handled at once; above 1 their order is given up.
        public var concurrency: Int

        /// How many events wait for the function at most.
        public var bufferSize: Int

        /// What the subscriber does, for a person to read; the registry has it as `description`.
        public var description: String?

        /// Creates options.
        ///
        /// - Parameters:
        ///   - queue: The queue.
        ///   - delivery: How sure it must be that an event arrives.
        ///   - concurrency: How many events are handled at once.
        ///   - bufferSize: How many events wait for the function at most.
        ///   - description: What the subscriber does.
        public init(
            queue: String? = nil, delivery: Delivery = .atMostOnce, concurrency: Int = 1,
            bufferSize: Int = 1024, description: String? = nil
        ) {
            self.queue = queue
            self.delivery = delivery
            self.concurrency = concurrency
            self.bufferSize = bufferSize
            self.description = description
        }
    }

    /// Creates a subscriber.
    ///
    /// - Parameters:
    ///   - topic: The topic.
    ///   - queue: The queue; of all subscribers with one queue, each event goes to one.
    ///   - delivery: How sure it must be that an event arrives.
    ///   - concurrency: How many events are handled at once; above 1 their order is given up.
    ///   - bufferSize: How many events wait for the function at most.
    ///   - description: What the subscriber does, for a person to read.
    ///   - handler: Handles one event.
    public init<Event: Codable & Sendable>(
        _ topic: String, queue: String? = nil, delivery: Delivery = .atMostOnce, concurrency: Int = 1,
        bufferSize: Int = 1024, description: String? = nil,
        handler: @escaping @Sendable (Event, EventContext) async throws -> Void
    ) {
        self = .handling(
            topic, event: { ValueRecord(describing: Event.self) },
            options: Options(
                queue: queue, delivery: delivery, concurrency: concurrency, bufferSize: bufferSize,
                description: description),
            handler: handler)
    }

    /// Creates a subscriber for any family of types, for modules that add one.
    ///
    /// - Parameters:
    ///   - topic: The topic.
    ///   - event: Describes the event; called once, at start.
    ///   - options: What the subscriber has beside its topic and function.
    ///   - handler: The function.
    /// - Returns: The subscriber.
    @_spi(MessageFamily) public static func handling<Event: Sendable>(
        _ topic: String, event: @escaping @Sendable () -> ValueRecord?, options: Options,
        handler: @escaping @Sendable (Event, EventContext) async throws -> Void
    ) -> Subscriber {
        Subscriber(topic: topic, options: options, event: event) { $0.bind(handler) }
    }

    private init(
        topic: String, options: Options, event: @escaping @Sendable () -> ValueRecord?,
        bind: @escaping @Sendable (SubscriberBinding) -> EventHandler?
    ) {
        self.topic = topic
        self.options = options
        self.event = event
        self.bind = bind
    }

    /// What a registry tells of the subscriber, which is what go-micro tells of a function.
    var record: EndpointRecord {
        var metadata = ["subscriber": "true", "topic": topic]
        if let description = options.description { metadata["description"] = description }
        return EndpointRecord(name: "Func", request: event(), response: nil, metadata: metadata)
    }

    /// What the broker is asked for.
    var subscription: SubscriptionOptions {
        SubscriptionOptions(
            topic: topic, queue: options.queue, delivery: options.delivery, concurrency: options.concurrency,
            bufferSize: options.bufferSize)
    }
}
