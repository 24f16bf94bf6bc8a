import CoreMetrics
import MicroCore
internal import Synchronization

/// The instruments of one topic to which events are published.
final class PublishInstruments: Sendable {
    private let factory: any MetricsFactory
    private let labels: [(String, String)]
    private let succeeded: any CounterHandler
    private let failed = Mutex<[RPCStatus: any CounterHandler]>([:])

    init(_ metrics: EngineMetrics, topic: String, broker: String) {
        factory = metrics.factory
        labels = metrics.labels([MetricLabels.broker: broker, MetricLabels.topic: topic])
        succeeded = factory.makeCounter(label: MetricDescription.sent.name, dimensions: labels)
    }

    /// Counts an event that was published, or could not be.
    func published(_ error: RPCStatus?) {
        guard let status = error?.measured else { return succeeded.increment(by: 1) }
        let counter = failed.withLock { failed in
            if let counter = failed[status] { return counter }
            let new = factory.makeCounter(
                label: MetricDescription.sent.name, dimensions: labels + [(MetricLabels.error, "\(status)")])
            failed[status] = new
            return new
        }
        counter.increment(by: 1)
    }
}

/// The instruments of one subscriber.
final class SubscriberInstruments: Sendable {
    /// The labels of all of them.
    let labels: [(String, String)]

    private let consumed: any CounterHandler
    private let handled: DurationInstrument
    private let refused: DurationInstrument

    init(_ metrics: EngineMetrics, topic: String, broker: String) {
        let factory = metrics.factory
        labels = metrics.labels([MetricLabels.broker: broker, MetricLabels.topic: topic])
        consumed = factory.makeCounter(label: MetricDescription.consumed.name, dimensions: labels)
        let duration = MetricDescription.processDuration.name
        handled = DurationInstrument(factory, duration, labels)
        refused = DurationInstrument(
            factory, duration, labels + [(MetricLabels.error, MetricLabels.other)])
    }

    /// Counts an event that the subscriber was given, and how long it took.
    func processed(from start: Uptime, _ acknowledgement: Acknowledgement) {
        consumed.increment(by: 1)
        let instrument = acknowledgement == .ack ? handled : refused
        instrument.record(from: start, to: .now) { nil }
    }
}
