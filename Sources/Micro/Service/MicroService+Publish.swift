public import MicroCore

extension MicroService: EventPublisher {
    /// Publishes an event of any type that a linked codec can encode.
    public func publish<Event: Sendable>(
        topic: String, value: Event, options: PublishOptions
    ) async throws(MicroError) {
        try await client.publish(topic: topic, value: value, options: options)
    }
}

extension RunningService: EventPublisher {
    /// Publishes an event of any type that a linked codec can encode.
    public func publish<Event: Sendable>(
        topic: String, value: Event, options: PublishOptions
    ) async throws(MicroError) {
        try await client.publish(topic: topic, value: value, options: options)
    }
}

extension LifecycleContext: EventPublisher {
    /// Publishes an event of any type that a linked codec can encode.
    public func publish<Event: Sendable>(
        topic: String, value: Event, options: PublishOptions
    ) async throws(MicroError) {
        try await client.publish(topic: topic, value: value, options: options)
    }
}
