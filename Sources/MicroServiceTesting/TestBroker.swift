internal import MicroBrokerMemory
internal import MicroCore
internal import Synchronization

/// A memory broker that keeps what is published, and delivers again what was refused.
///
/// It offers both deliveries, so that a service can be tested whose subscribers ask for at least once.
final class TestBroker: Broker {
    /// How often an event is delivered at most, with a delivery of at least once.
    private static let deliveryLimit = 5

    private let base: MemoryBroker
    private let events: PublishedEvents
    private let clock: any Clock<Duration>

    init(_ base: MemoryBroker, events: PublishedEvents, clock: any Clock<Duration>) {
        self.base = base
        self.events = events
        self.clock = clock
    }

    var name: String { base.name }

    var deliveries: Set<Delivery> { [.atMostOnce, .atLeastOnce] }

    func run() async throws { try await base.run() }

    func publish(_ event: BrokerEvent, to topic: String) async throws {
        var published = event
        published.topic = topic
        events.add(published)
        try await base.publish(event, to: topic)
    }

    func receiverCount(of topic: String) async throws -> Int? {
        let broker: any Broker = base
        return try await broker.receiverCount(of: topic)
    }

    func subscribe(
        _ options: SubscriptionOptions, handler: EventHandler
    ) async throws -> any BrokerSubscription {
        guard options.delivery == .atLeastOnce else {
            return try await base.subscribe(options, handler: handler)
        }
        var options = options
        options.delivery = .atMostOnce
        return try await base.subscribe(
            options,
            handler: EventHandler(check: { event throws(MicroError) in try handler.check(event) }) {
                received in
                await self.deliver(received.event, to: handler)
            })
    }

    /// Delivers an event until it is acknowledged, or the limit is reached.
    private func deliver(_ event: BrokerEvent, to handler: EventHandler) async -> Acknowledgement {
        var attempt = 1
        while true {
            let returned = await deliver(event, attempt, to: handler)
            guard case .nack(let delay) = returned, attempt < Self.deliveryLimit, !Task.isCancelled else {
                return returned
            }
            attempt += 1
            if let delay { try? await clock.sleep(for: delay) }
        }
    }

    /// Delivers an event once; what a handler says early counts.
    private func deliver(
        _ event: BrokerEvent, _ attempt: Int, to handler: EventHandler
    ) async -> Acknowledgement {
        let early = EarlyWord()
        let returned = await handler(
            ReceivedEvent(event, attempt: attempt) { early.settle($0) })
        return early.first ?? returned
    }
}

/// What a handler says of an event before it returns; the first word counts.
private final class EarlyWord: Sendable {
    private let word = Mutex<Acknowledgement?>(nil)

    var first: Acknowledgement? { word.withLock { $0 } }

    func settle(_ acknowledgement: Acknowledgement) {
        word.withLock { $0 = $0 ?? acknowledgement }
    }
}
