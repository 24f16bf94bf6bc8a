public import MicroCore
internal import MicroPluginKit

/// A broker within the process: for tests, and for services that share one process.
///
/// Each service has a broker of its own, and all that share an ``Exchange`` reach each other.
/// `MICRO_BROKER=memory` and `.memory` stand for one on the exchange of the process. Services that should
/// keep to themselves are given another:
///
/// ```swift
/// let exchange = MemoryBroker.Exchange()
/// let shop = MicroService("shop", broker: .memory(exchange)) { … }
/// let audit = MicroService("audit", broker: .memory(exchange)) { … }
/// ```
///
/// ## Delivery
///
/// At most once. Publishing returns when the event is queued at every subscription. Where that queue is
/// full, with as many events as the subscription says or with 64 MiB, its oldest events are dropped and
/// counted; so is an event that its handler refuses.
public final class MemoryBroker: Broker {
    private let exchange: Exchange
    private let runner = SubscriptionRunner()

    /// Creates a broker.
    ///
    /// - Parameter exchange: What it shares with others; that of the process by default.
    public init(exchange: Exchange = .shared) { self.exchange = exchange }

    /// The name `memory`.
    public var name: String { "memory" }

    /// At most once.
    public var deliveries: Set<Delivery> { [.atMostOnce] }

    /// Needs nothing of the service.
    public func prepare(_ context: PluginContext) {}

    /// Queues an event at the topic's subscriptions.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - topic: The topic.
    /// - Throws: A `MicroError` with the status `invalidArgument` for a topic that can't be used or an event
    ///   that a subscriber can't read, or `unavailable` if the broker does not run.
    public func publish(_ event: BrokerEvent, to topic: String) async throws {
        try TopicName.check(topic)
        try await runner.waitUntilRunning()
        var event = event
        event.topic = topic
        try exchange.publish(event)
    }

    /// Returns how many receivers a topic has on the exchange; subscriptions that share a queue are one.
    public func receiverCount(of topic: String) -> Int? { exchange.receiverCount(of: topic) }

    /// Begins to receive the events of a topic.
    ///
    /// - Parameters:
    ///   - options: What to receive, and how.
    ///   - handler: Called for each event.
    /// - Returns: The open subscription.
    /// - Throws: A `StartError` if another delivery than at most once is asked for, or a `MicroError` with
    ///   the status `invalidArgument` for names that can't be used, or `unavailable` if the broker does not
    ///   run.
    public func subscribe(
        _ options: SubscriptionOptions,
        handler: EventHandler
    ) async throws -> any BrokerSubscription {
        try options.check(offered: deliveries, by: name)
        let subscription = MemorySubscription(options, exchange: exchange, handler: handler)
        try await runner.start(subscription.queue)
        exchange.add(subscription)
        return subscription
    }

    /// Runs the handlers of this broker's subscriptions until the task is cancelled.
    ///
    /// - Throws: A `StartError` if it is run twice.
    public func run() async throws { try await runner.run() }
}

extension Broker where Self == MemoryBroker {
    /// A broker on the exchange of the process.
    public static var memory: MemoryBroker { MemoryBroker() }

    /// Returns a broker within the process.
    ///
    /// - Parameter exchange: What it shares with others.
    /// - Returns: The broker.
    public static func memory(_ exchange: MemoryBroker.Exchange) -> MemoryBroker {
        MemoryBroker(exchange: exchange)
    }
}
