import MicroCore
import MicroPluginKit

/// An open subscription of an exchange.
final class MemorySubscription: BrokerSubscription {
    let options: SubscriptionOptions
    let queue: SubscriptionQueue<BrokerEvent>
    let handler: EventHandler

    private let exchange: MemoryBroker.Exchange

    init(
        _ options: SubscriptionOptions, exchange: MemoryBroker.Exchange,
        handler: EventHandler
    ) {
        self.options = options
        self.exchange = exchange
        self.handler = handler
        queue = SubscriptionQueue(options, size: \.byteCount) { event in
            await ReceivedEvent.deliver(event, to: handler) == .ack
        }
    }

    var dropped: Int { queue.dropped }

    func cancel(deadline: ContinuousClock.Instant) async {
        exchange.remove(self)
        await queue.drain(deadline: deadline)
    }
}
