import CoreMetrics
import MicroCore
internal import Synchronization

/// The instruments of one endpoint of a service, or of one method that a client calls.
///
/// All of them are looked up once, when the endpoint or method is bound; those of errors with the first of a status.
final class CallInstruments: Sendable {
    /// Which side of calls is measured.
    enum Side {
        case server
        case client(service: String)

        var duration: MetricDescription { isServer ? .serverDuration : .clientDuration }
        var requestSize: MetricDescription { isServer ? .serverRequestSize : .clientRequestSize }
        var responseSize: MetricDescription { isServer ? .serverResponseSize : .clientResponseSize }

        private var isServer: Bool { if case .server = self { true } else { false } }

        var labels: [(String, String)] {
            if case .client(let service) = self { [(MetricLabels.server, service)] } else { [] }
        }
    }

    /// The labels of all of them.
    let labels: [(String, String)]

    private let factory: any MetricsFactory
    private let duration: String
    private let succeeded: DurationInstrument
    private let failed = Mutex<[RPCStatus: DurationInstrument]>([:])
    private let requestSize: any RecorderHandler
    private let responseSize: any RecorderHandler

    /// Connections of all event loops count here, and would wait for each other at one word.
    private let active = StripedWords(count: 1)
    private let retries: (any CounterHandler)?
    private let omittedRetries: (any CounterHandler)?

    /// Makes the instruments.
    ///
    /// - Parameters:
    ///   - metrics: The metrics of the service or client.
    ///   - side: Which side of calls is measured.
    ///   - method: The canonical name of the endpoint.
    init(_ metrics: EngineMetrics, _ side: Side, method: String) {
        factory = metrics.factory
        labels =
            metrics.labels([MetricLabels.system: "grpc", MetricLabels.method: method]) + side.labels
        duration = side.duration.name
        succeeded = DurationInstrument(factory, duration, labels + [(MetricLabels.status, "\(RPCStatus.ok)")])
        requestSize = factory.makeRecorder(label: side.requestSize.name, dimensions: labels, aggregate: true)
        responseSize = factory.makeRecorder(
            label: side.responseSize.name, dimensions: labels, aggregate: true)
        if case .client = side {
            retries = factory.makeCounter(label: MetricDescription.clientRetries.name, dimensions: labels)
            omittedRetries = factory.makeCounter(
                label: MetricDescription.clientOmittedRetries.name, dimensions: labels)
        } else {
            retries = nil
            omittedRetries = nil
        }
    }

    /// How many calls run.
    var activeCalls: Int { active.sum(at: 0) }

    /// Records that a call begins, and returns when.
    func began() -> Uptime {
        active.add(1, at: 0)
        return .now
    }

    func request(_ bytes: Int) { requestSize.record(Int64(bytes)) }

    func response(_ bytes: Int) { responseSize.record(Int64(bytes)) }

    func retried() { retries?.increment(by: 1) }

    func leftRetryOut() { omittedRetries?.increment(by: 1) }

    /// Records the end of a call that began.
    ///
    /// - Parameters:
    ///   - start: When it began.
    ///   - end: When it ended.
    ///   - status: How.
    ///   - metadata: What tells the trace.
    func ended(from start: Uptime, to end: Uptime, _ status: RPCStatus, _ metadata: () -> Metadata) {
        active.add(-1, at: 0)
        instrument(status).record(from: start, to: end) { metadata().traceID }
    }

    /// Records the end of a call that began, now.
    func ended(from start: Uptime?, _ status: RPCStatus, _ metadata: () -> Metadata) {
        let end = Uptime.now
        ended(from: start ?? end, to: end, status, metadata)
    }

    /// Records a call that was refused before anything ran for it.
    func refused(_ status: RPCStatus) {
        let now = Uptime.now
        instrument(status).record(from: now, to: now) { nil }
    }

    private func instrument(_ status: RPCStatus) -> DurationInstrument {
        if status == .ok { return succeeded }
        let status = status.measured
        return failed.withLock { failed in
            if let instrument = failed[status] { return instrument }
            let new = DurationInstrument(factory, duration, labels + [(MetricLabels.status, "\(status)")])
            failed[status] = new
            return new
        }
    }
}

/// An instrument for durations, with examples where the back end takes them.
struct DurationInstrument: Sendable {
    private let handler: any TimerHandler
    private let exemplars: (any ExemplarTimerHandler)?

    init(_ factory: any MetricsFactory, _ name: String, _ labels: [(String, String)]) {
        handler = factory.makeTimer(label: name, dimensions: labels)
        exemplars = handler as? any ExemplarTimerHandler
    }

    func record(from start: Uptime, to end: Uptime, traceID: () -> String?) {
        let duration = max(0, end.nanoseconds &- start.nanoseconds)
        if let exemplars {
            exemplars.recordNanoseconds(duration, at: end.nanoseconds, traceID: traceID)
        } else {
            handler.recordNanoseconds(duration)
        }
    }
}

extension RPCStatus {
    /// The status as a label: the other side may send any number, and those that have no name are one.
    var measured: RPCStatus {
        (RPCStatus.ok.rawValue...RPCStatus.unauthenticated.rawValue).contains(rawValue) ? self : .unknown
    }
}
