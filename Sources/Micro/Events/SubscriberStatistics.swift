internal import Synchronization

/// What has become of the events of a subscriber so far.
public struct SubscriberStatistics: Hashable, Sendable {
    /// The topic.
    public let topic: String

    /// The queue, if there is one.
    public let queue: String?

    /// The number of events whose function returned.
    public internal(set) var handled = 0

    /// The number of events whose function or middleware threw.
    public internal(set) var failed = 0

    /// The number of events that could not be decoded.
    public internal(set) var undecodable = 0

    /// The number of events that the broker dropped: nobody could take them, or they were refused for good.
    public internal(set) var dropped = 0
}

/// Counts what becomes of a subscriber's events.
final class SubscriberCounters: Sendable {
    /// How handling an event has ended.
    enum Outcome { case handled, failed, undecodable }

    private let counts = Mutex((handled: 0, failed: 0, undecodable: 0))

    func count(_ outcome: Outcome) {
        counts.withLock { counts in
            switch outcome {
            case .handled: counts.handled += 1
            case .failed: counts.failed += 1
            case .undecodable: counts.undecodable += 1
            }
        }
    }

    /// The statistics of a subscriber.
    func statistics(of info: SubscriberInfo, dropped: Int) -> SubscriberStatistics {
        let counts = counts.withLock { $0 }
        return SubscriberStatistics(
            topic: info.topic, queue: info.queue, handled: counts.handled, failed: counts.failed,
            undecodable: counts.undecodable, dropped: dropped)
    }
}
