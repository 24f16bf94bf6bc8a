public import MicroCore

extension SubscriptionOptions {
    /// Checks what a subscription asks for.
    ///
    /// - Parameters:
    ///   - deliveries: The deliveries that the broker offers.
    ///   - broker: The broker's name.
    /// - Throws: A ``StartError`` for a delivery that isn't offered, or a number that makes no sense; a
    ///   ``MicroError`` with the status `invalidArgument` for names that no broker takes.
    public func check(offered deliveries: Set<Delivery>, by broker: String) throws {
        try TopicName.check(topic)
        if let queue { try TopicName.check(queue, what: "queue") }
        guard deliveries.contains(delivery) else {
            throw StartError(
                .invalidConfiguration,
                "The subscription of \"\(topic)\" asks for delivery \(delivery.text), which the broker \"\(broker)\" "
                    + "does not offer. Ask for another delivery, or choose another broker with MICRO_BROKER.")
        }
        guard concurrency > 0, bufferSize > 0 else {
            throw StartError(
                .invalidConfiguration,
                "The subscription of \"\(topic)\" has the concurrency \(concurrency) and the buffer size "
                    + "\(bufferSize). Both must be at least 1.")
        }
    }
}

extension Delivery {
    /// The delivery in words.
    fileprivate var text: String {
        switch self {
        case .atMostOnce: "at most once"
        case .atLeastOnce: "at least once"
        }
    }
}
