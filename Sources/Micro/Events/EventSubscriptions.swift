internal import Logging
import MicroCore
internal import Synchronization

/// The open subscriptions of a running service.
final class EventSubscriptions: Sendable {
    private struct Open {
        let info: SubscriberInfo
        let subscription: any BrokerSubscription
        let instruments: SubscriberInstruments?
    }

    private let subscribers: [ResolvedSubscriber]
    private let parts: PartResolver
    private let open = Mutex<[Open]>([])

    init(_ subscribers: [ResolvedSubscriber], parts: PartResolver, metrics: EngineMetrics?) {
        self.subscribers = subscribers
        self.parts = parts
        metrics?.observe(.dropped) { [weak self] in
            self?.open.withLock { $0 }.compactMap { open in
                open.instruments.map {
                    MetricReading(Double(open.subscription.dropped), labels: $0.labels)
                }
            } ?? []
        }
    }

    /// What has become of the events so far.
    var statistics: [SubscriberStatistics] {
        open.withLock { $0 }.map { open in
            open.info.counters.statistics(of: open.info, dropped: open.subscription.dropped)
        }
    }

    /// Opens all subscriptions; those that are open when it throws stay so until they are cancelled.
    ///
    /// - Throws: A ``StartError`` that names the topic.
    func openAll() async throws {
        for subscriber in subscribers {
            do {
                let subscription = try await parts.part(.broker).subscribe(
                    subscriber.subscription, handler: subscriber.handler)
                open.withLock {
                    $0.append(
                        Open(
                            info: subscriber.info, subscription: subscription,
                            instruments: subscriber.instruments))
                }
            } catch let error as StartError {
                throw error
            } catch {
                throw StartError(
                    .unavailable,
                    "The topic \"\(subscriber.info.topic)\" can't be subscribed to: "
                        + "\((error as? MicroError)?.detail ?? "\(error)") Check that the broker runs, and what "
                        + "MICRO_BROKER and MICRO_BROKER_ADDRESS say.")
            }
        }
    }

    /// Takes no more events; those that are being handled may finish until the deadline.
    func cancelAll(deadline: ContinuousClock.Instant) async {
        await withDiscardingTaskGroup { group in
            for open in open.withLock({ $0 }) {
                // All at once, since each may take until the deadline for handlers that run; it ends when
                // none does.
                group.addTask { await open.subscription.cancel(deadline: deadline) }
            }
        }
    }
}
