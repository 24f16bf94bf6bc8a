internal import Logging
internal import MicroCore
internal import MicroNATS
internal import MicroPluginKit
internal import MicroWire
internal import NIOCore
internal import Synchronization

/// A subscription of core NATS: what comes is queued, and the oldest dropped where the queue is full, by its
/// number of messages or of bytes.
final class CoreSubscription: BrokerSubscription {
    let queue: SubscriptionQueue<NATSMessage>

    private let options: SubscriptionOptions
    private let subscription = Mutex<NATSSubscription?>(nil)

    init(
        _ options: SubscriptionOptions, handler: EventHandler
    ) {
        self.options = options
        queue = SubscriptionQueue(options, size: \.payloadLength) { message in
            guard let event = Self.event(message) else { return false }
            return await ReceivedEvent.deliver(event, to: handler) == .ack
        }
    }

    /// Subscribes, and waits until the server has agreed.
    func open(_ client: NATSClient, timeout: Duration) async throws {
        let queue = queue
        let opened = try await client.subscribe(to: options.topic, queue: options.queue) { message in
            queue.offer(message)
        }
        subscription.withLock { $0 = opened }
        do throws(NATSError) {
            try await client.flush(timeout: timeout)
            if let failure = opened.failure { throw failure }
        } catch {
            // Without a connection the server is notified later.
            guard error.code != .connectionLost else { return }
            await cancel(deadline: .now)
            throw error
        }
    }

    var dropped: Int { queue.dropped }

    func cancel(deadline: ContinuousClock.Instant) async {
        let opened = subscription.withLock { subscription in
            defer { subscription = nil }
            return subscription
        }
        await opened?.unsubscribe()
        await queue.drain(deadline: deadline)
    }

    /// Limits the warnings that any publisher can cause.
    private static let throttle = LogThrottle(burst: 20)

    /// Reads an event, or logs why it is none.
    static func event(_ message: NATSMessage) -> BrokerEvent? {
        do {
            return try EventEnvelope.decode(message.payload.readableBytesView, topic: message.subject)
        } catch {
            throttle.admit { suppressed in
                Logger.current.warning(
                    "A message on NATS isn't an event, and is dropped.",
                    metadata: [
                        "messaging.destination.name": "\(message.subject.printable())",
                        "error.message": "\(error)", "micro.nats.bytes": "\(message.payloadLength)",
                        "suppressed": "\(suppressed)",
                    ])
            }
            return nil
        }
    }
}
