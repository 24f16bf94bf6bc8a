public import MicroCore
internal import MicroPluginKit

/// What is known of a subscriber before any event arrives.
public final class SubscriberInfo: Sendable {
    /// The topic.
    public let topic: String

    /// The queue, if there is one.
    public let queue: String?

    /// How sure it is that an event arrives.
    public let delivery: Delivery

    /// The service that has the subscriber.
    public let service: ServiceIdentity

    let environment: ServiceEnvironment
    let counters = SubscriberCounters()

    /// Limits what is logged of events that can't be decoded.
    let undecodable = LogThrottle(burst: 1)

    init(_ subscription: SubscriptionOptions, environment: ServiceEnvironment) {
        topic = subscription.topic
        queue = subscription.queue
        delivery = subscription.delivery
        service = environment.identity
        self.environment = environment
    }
}
