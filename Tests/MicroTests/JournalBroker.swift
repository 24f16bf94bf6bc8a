import MicroBrokerMemory
import MicroCore
import Synchronization

/// A memory broker that tells what is asked of it, keeps what is published, and can be made to fail.
final class JournalBroker: Broker {
    let base: MemoryBroker
    let journal: Journal
    let deliveries: Set<Delivery>
    private let published = Mutex<[BrokerEvent]>([])
    private let publishError: (any Error)?
    private let subscribeError: (any Error)?
    private let runFailure: Gate?

    init(
        _ journal: Journal = Journal(), exchange: MemoryBroker.Exchange = .init(),
        deliveries: Set<Delivery> = [.atMostOnce], publishError: (any Error)? = nil,
        subscribeError: (any Error)? = nil, failingRun: Gate? = nil
    ) {
        base = MemoryBroker(exchange: exchange)
        self.journal = journal
        self.deliveries = deliveries
        self.publishError = publishError
        self.subscribeError = subscribeError
        runFailure = failingRun
    }

    var name: String { "journal" }

    /// The events that were published.
    var events: [BrokerEvent] { published.withLock { $0 } }

    func prepare(_ context: PluginContext) { journal.add("broker prepare") }

    func publish(_ event: BrokerEvent, to topic: String) async throws {
        if let publishError { throw publishError }
        published.withLock { $0.append(event) }
        try await base.publish(event, to: topic)
    }

    func subscribe(
        _ options: SubscriptionOptions, handler: EventHandler
    ) async throws -> any BrokerSubscription {
        if let subscribeError { throw subscribeError }
        journal.add("subscribe \(options.topic)")
        let subscription = try await base.subscribe(options, handler: handler)
        return JournalSubscription(base: subscription, topic: options.topic, journal: journal)
    }

    func run() async throws {
        journal.add("broker run")
        if let runFailure {
            await runFailure.wait()
            throw StartError(.unavailable, "The broker is lost.")
        }
        try await base.run()
        journal.add("broker end")
    }
}

private struct JournalSubscription: BrokerSubscription {
    let base: any BrokerSubscription
    let topic: String
    let journal: Journal

    var dropped: Int { base.dropped }

    func cancel(deadline: ContinuousClock.Instant) async {
        journal.add("unsubscribe \(topic)")
        await base.cancel(deadline: deadline)
    }
}
