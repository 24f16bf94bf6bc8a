import Logging
import MicroCore
import MicroHTTP1
import MicroPluginKit
import Synchronization

/// An open subscription, which events are posted to.
final class HTTPSubscription: BrokerSubscription {
    /// An event whose sender waits for an answer.
    struct Delivery: Sendable {
        let event: BrokerEvent
        let attempt: Int
        let answer: PendingAnswer
    }

    /// The longest that leaving the registry may take.
    private static let patience = Duration.seconds(5)

    let options: SubscriptionOptions
    let queue: SubscriptionQueue<Delivery>

    /// The budget of its events, from their arrival to their answer: those that wait for the queue are in it.
    let budget = HTTP1BodyBudget()

    private let registry: any Registry
    private let address: @Sendable () -> String
    private let isSecure: Bool

    /// What the registry was told last.
    private let registered = Mutex<ServiceRecord?>(nil)
    private let onCancel: @Sendable (String) -> Void

    private let handler: EventHandler

    /// The id, which is the node's in the registry.
    let id: String

    init(
        _ options: SubscriptionOptions, id: String, address: @escaping @Sendable () -> String, isSecure: Bool,
        registry: any Registry, handler: EventHandler,
        onCancel: @escaping @Sendable (String) -> Void
    ) {
        self.options = options
        self.id = id
        self.registry = registry
        self.onCancel = onCancel
        self.address = address
        self.isSecure = isSecure
        self.handler = handler
        queue = SubscriptionQueue(options, discard: { $0.answer.give(.gone) }) { delivery in
            let word = await ReceivedEvent.deliver(delivery.event, attempt: delivery.attempt, to: handler) {
                delivery.answer.give(.verdict($0))
            }
            return word == .ack || options.delivery == .atLeastOnce
        }
    }

    var dropped: Int { queue.dropped }

    /// Has an event handled, and returns what to answer its sender.
    func receive(_ event: BrokerEvent, attempt: Int) async -> HTTP1Response {
        do { try handler.check(event) } catch { return Responses.unreadable(error) }
        let answer = PendingAnswer()
        guard await queue.submit(Delivery(event: event, attempt: attempt, answer: answer)) else {
            return Responses.leaving
        }
        switch await answer.wait() {
        case .verdict(.ack): return Responses.taken
        case .verdict(.nack(let delay)):
            // Sending it again would be more than at most once.
            return options.delivery == .atMostOnce ? Responses.taken : Responses.refused(after: delay)
        case .gone: return Responses.leaving
        }
    }

    func cancel(deadline: ContinuousClock.Instant) async {
        await deregister()
        await queue.drain(deadline: deadline)
        onCancel(id)
    }

    /// What the registry is told, with the address at which publishers reach the subscription now.
    private var record: ServiceRecord {
        BrokerRecord.make(options, id: id, address: address(), isSecure: isSecure)
    }

    /// Whether the registry was told of another address.
    var hasMoved: Bool {
        let record = record
        return registered.withLock { $0 != nil && $0 != record }
    }

    /// Tells the registry, or renews what it was told.
    func register() async throws {
        let record = record
        try await registry.register(record, timeToLive: BrokerRecord.timeToLive)
        registered.withLock { $0 = record }
    }

    private func deregister() async {
        do {
            try await registry.deregister(record, within: Self.patience)
        } catch {
            Logger.current.warning(
                "A subscription could not leave the registry.",
                metadata: [LogKeys.topic: "\(options.topic)", LogKeys.error: "\(error)"])
        }
    }
}

/// What becomes of an event, which its sender waits for.
final class PendingAnswer: Sendable {
    enum Outcome: Sendable {
        case verdict(Acknowledgement)
        /// The subscription ended before the event was handled.
        case gone
    }

    private let outcome = Mutex<Outcome?>(nil)
    private let isThere = Latch()

    /// Gives the answer; only the first counts.
    func give(_ answer: Outcome) {
        outcome.withLock { if $0 == nil { $0 = answer } }
        isThere.open()
    }

    /// Returns the answer; `gone` if the task is cancelled before it is there.
    func wait() async -> Outcome {
        await isThere.wait()
        return outcome.withLock { $0 } ?? .gone
    }
}
