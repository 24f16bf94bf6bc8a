/// A way for services to tell each other what happened.
///
/// A publisher sends an event to a topic; every subscription of the topic gets it once, where
/// subscriptions that share a queue count as one. How sure that is, is the broker's
/// ``Delivery``, which a subscription asks for.
///
/// Run `BrokerConformance` of `MicroTesting` against a broker that you write. In `MicroPluginKit`, `SubscriptionQueue`
/// keeps the waiting events and `SubscriptionRunner` runs the handlers for you.
///
/// ## Rules for an implementation
///
/// - A broker belongs to one service or client, which prepares and runs it once.
/// - All functions may be called concurrently. Calls before ``Part/run()`` is ready wait for it.
/// - With a concurrency of 1 a subscription's events arrive in the order of the wire. More gives
///   the order up.
/// - When a subscription's bounded queue is full, the broker suspends the wire where the wire can be
///   suspended, and otherwise drops the oldest event and counts it.
/// - Events are never retried behind the engine's back: a redelivery follows a `nack`, or a
///   connection that was lost before the acknowledgement.
public protocol Broker: Part {
    /// The name that nodes carry under the metadata key `broker`: `http`, `nats`.
    var name: String { get }

    /// The deliveries that the broker offers.
    var deliveries: Set<Delivery> { get }

    /// Sends an event to a topic.
    ///
    /// Returns when the broker has done what its delivery promises; each broker's documentation
    /// says what that is.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - topic: The topic, which is checked against the broker's rules for names.
    /// - Throws: A ``MicroError`` with the status `unavailable` if the broker can't be reached, or
    ///   `invalidArgument` if topic or event can't be sent.
    func publish(_ event: BrokerEvent, to topic: String) async throws

    /// Returns how many receivers an event of a topic would have now; subscriptions that share a queue are one.
    ///
    /// - Parameter topic: The topic.
    /// - Returns: The number, or `nil` if the broker can't know, as it is unless a broker says otherwise.
    /// - Throws: A ``MicroError`` with the status `unavailable` if nobody can be asked.
    func receiverCount(of topic: String) async throws -> Int?

    /// Begins to receive the events of a topic.
    ///
    /// - Parameters:
    ///   - options: What to receive, and how.
    ///   - handler: Called for each event; its answer is the acknowledgement, unless the handler has
    ///     settled the event itself.
    /// - Returns: The open subscription.
    /// - Throws: A ``StartError`` if the broker doesn't offer the delivery that is asked for, or a
    ///   ``MicroError`` with the status `unavailable` if it can't be reached.
    func subscribe(
        _ options: SubscriptionOptions, handler: EventHandler
    ) async throws -> any BrokerSubscription
}

extension Broker {
    /// The broker can't know who receives an event.
    public func receiverCount(of topic: String) async throws -> Int? { nil }
}

/// How sure it is that an event arrives.
public enum Delivery: Hashable, Sendable {
    /// An event arrives once, or is lost.
    case atMostOnce

    /// An event arrives once or more often, until a subscriber has acknowledged it.
    case atLeastOnce
}

/// What a subscriber says of an event that it was given.
public enum Acknowledgement: Hashable, Sendable {
    /// It is dealt with.
    case ack

    /// It could not be dealt with; a broker that can delivers it again, after the delay if it can wait.
    case nack(after: Duration? = nil)
}

/// One event on a topic.
public struct BrokerEvent: Sendable {
    /// The topic.
    public var topic: String

    /// The header: `Content-Type`, `Micro-Topic` and the publisher's metadata.
    public var header: [String: String]

    /// The encoded value.
    public var body: EncodedMessage

    /// Creates an event.
    ///
    /// - Parameters:
    ///   - topic: The topic.
    ///   - header: The header.
    ///   - body: The encoded value.
    public init(topic: String, header: [String: String] = [:], body: EncodedMessage) {
        self.topic = topic
        self.header = header
        self.body = body
    }
}

extension BrokerEvent {
    /// The number of bytes of the header's and the body's content.
    package var byteCount: Int {
        header.reduce(body.count) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    }
}

/// An event as a subscription is given it.
public struct ReceivedEvent: Sendable {
    /// The event.
    public var event: BrokerEvent

    /// How often the event has been delivered to the subscription, this time included: 1 for the first.
    public var attempt: Int

    private let settlement: (@Sendable (Acknowledgement) async throws -> Void)?

    /// Creates a received event.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - attempt: How often the event has been delivered, this time included.
    ///   - settlement: Tells the broker what became of the event, before the handler returns; the broker
    ///     takes the first word alone. `nil` for a broker that has no use for it.
    public init(
        _ event: BrokerEvent, attempt: Int = 1,
        settlement: (@Sendable (Acknowledgement) async throws -> Void)? = nil
    ) {
        self.event = event
        self.attempt = attempt
        self.settlement = settlement
    }

    /// Tells the broker what became of the event, before the handler returns.
    ///
    /// The first word counts: what a handler returns afterwards is not told. With a delivery of at most
    /// once it has no effect.
    ///
    /// - Parameter acknowledgement: What became of it.
    /// - Throws: A ``MicroError`` with the status `unavailable` if the broker can't be told; the event may
    ///   then be delivered again.
    public func settle(_ acknowledgement: Acknowledgement) async throws {
        try await settlement?(acknowledgement)
    }
}

/// What a subscription receives, and how.
public struct SubscriptionOptions: Hashable, Sendable {
    /// The topic.
    public var topic: String

    /// The queue; of all subscriptions with one queue, each event goes to one.
    public var queue: String?

    /// How sure it must be that an event arrives.
    public var delivery: Delivery

    /// How many events are handled at once; above 1 their order is given up.
    public var concurrency: Int

    /// How many events wait for the handler at most.
    public var bufferSize: Int

    /// Creates options.
    ///
    /// - Parameters:
    ///   - topic: The topic.
    ///   - queue: The queue.
    ///   - delivery: How sure it must be that an event arrives.
    ///   - concurrency: How many events are handled at once.
    ///   - bufferSize: How many events wait for the handler at most.
    public init(
        topic: String, queue: String? = nil, delivery: Delivery = .atMostOnce, concurrency: Int = 1,
        bufferSize: Int = 1024
    ) {
        self.topic = topic
        self.queue = queue
        self.delivery = delivery
        self.concurrency = concurrency
        self.bufferSize = bufferSize
    }
}

/// An open subscription.
public protocol BrokerSubscription: Sendable {
    /// The number of events that were dropped because nobody could take them.
    var dropped: Int { get }

    /// Ends the subscription; events that are being handled may finish until the deadline.
    ///
    /// Handlers that remain then are cancelled. It returns when none runs any more; called by a handler of
    /// the subscription itself, at the deadline. Cancelling the calling task moves the deadline to now.
    ///
    /// - Parameter deadline: Until when handlers may finish.
    func cancel(deadline: ContinuousClock.Instant) async
}
