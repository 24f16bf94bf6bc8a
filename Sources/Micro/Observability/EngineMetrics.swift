import CoreMetrics
internal import Logging
import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// The metrics of one service or client; there is none where no back end is.
///
/// Instruments of the hot path are made by it once for each endpoint, method and topic. What others count anyway is read
/// when the back end is: see ``observe(_:_:)``.
final class EngineMetrics: MetricsSource {
    /// How often gauges are collected for a back end that doesn't ask.
    private static let interval = Duration.seconds(10)

    let factory: any MetricsFactory

    /// The name of the service, if the client belongs to one.
    let service: String?

    /// The instruments of the methods that the client calls.
    let client = InstrumentTable<CallInstruments>()

    /// The instruments of the topics to which events are published.
    let topics = InstrumentTable<PublishInstruments>()

    private let process: ProcessMetrics
    private let isCollected: Atomic<Bool>
    private let observed = Mutex<[ObservedMetric]>([])
    private let readiness = Mutex<(@Sendable () -> Bool)?>(nil)

    init(factory: any MetricsFactory, service: String?) {
        self.factory = factory
        self.service = service
        isCollected = Atomic(false)
        process = ProcessMetrics.shared(factory)
    }

    /// Returns the metrics of a service or client, or `nil` if nobody wants them.
    ///
    /// A back end among the parts goes before what the program has bootstrapped swift-metrics with, which is one for
    /// the whole process.
    ///
    /// - Parameters:
    ///   - parts: The parts.
    ///   - service: The name of the service, if it is one.
    /// - Returns: The metrics.
    /// - Throws: A ``StartError`` if the chosen back end can't be used.
    static func resolve(_ parts: PartResolver, service: String?) throws(StartError) -> EngineMetrics? {
        if parts.has(.metrics) {
            let backend = try parts.part(.metrics)
            if let factory = backend.factory {
                let metrics = EngineMetrics(factory: factory, service: service)
                metrics.isCollected.store(backend.collect(from: metrics), ordering: .relaxed)
                return metrics
            }
        }
        let factory = MetricsSystem.factory
        return factory is NOOPMetricsHandler ? nil : EngineMetrics(factory: factory, service: service)
    }

    /// The labels that all metrics of the service have, and some more.
    func labels(_ more: KeyValuePairs<String, String>) -> [(String, String)] {
        (service.map { [(MetricLabels.service, $0)] } ?? []) + more.map { ($0.key, $0.value) }
    }

    /// Has a gauge, or a counter that is kept elsewhere, read whenever the back end is.
    ///
    /// This is the place for whatever counts for itself, such as overload control, the selection of nodes and the
    /// retry budget: it is bound where the service (``ServicePlan``) or the client (``ClientEngine``) is put together.
    ///
    /// - Parameters:
    ///   - description: The metric.
    ///   - read: Returns its present values; those that are missing are no longer shown.
    func observe(_ description: MetricDescription, _ read: @escaping @Sendable () -> [MetricReading]) {
        observed.withLock { $0.append(ObservedMetric(description, factory: factory, read)) }
    }

    /// Says when the service is ready; a client always is.
    func setReadiness(_ isReady: @escaping @Sendable () -> Bool) { readiness.withLock { $0 = isReady } }

    var isReady: Bool { readiness.withLock { $0 }?() ?? true }

    func collect() {
        // They are read without a lock: what they read has locks of its own.
        for metric in observed.withLock({ $0 }) { metric.collect() }
        process.collect()
    }

    /// Collects again and again, until the task is cancelled, if the back end doesn't ask for it.
    func collectRepeatedly(_ time: TimeSource) async {
        guard !isCollected.load(ordering: .relaxed) else { return }
        repeat { collect() } while (try? await time.sleep(for: Self.interval)) != nil
    }
}

/// Instruments by the names of what they measure, of which callers from outside may choose some.
///
/// Their number is bounded; what is beyond shares one, and the log has a line of it.
final class InstrumentTable<Instruments: AnyObject & Sendable>: Sendable {
    static var limit: Int { 200 }

    private struct State {
        var byName: [String: Instruments] = [:]
        var other: Instruments?
    }

    private let state = Mutex(State())
    private let overflow = LogThrottle(burst: 1, interval: .seconds(24 * 3600))

    /// All that were made.
    var all: [Instruments] { state.withLock { $0.byName.values + ($0.other.map { [$0] } ?? []) } }

    /// Returns the instruments of a name; makes them if there are none.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - make: Makes the instruments for the name, or for all that have none, where it is given `nil`.
    /// - Returns: The instruments.
    func instruments(_ name: String, make: (String?) -> Instruments) -> Instruments {
        let (instruments, isOverflow) = state.withLock { state -> (Instruments, Bool) in
            if let known = state.byName[name] { return (known, false) }
            guard state.byName.count >= Self.limit else {
                let new = make(name)
                state.byName[name] = new
                return (new, false)
            }
            let other = state.other ?? make(nil)
            state.other = other
            return (other, true)
        }
        if isOverflow {
            overflow.admit { _ in
                Logger.current.warning(
                    "Metrics are kept for so many names only; the others share one, \(MetricLabels.other).",
                    metadata: [LogKeys.limit: "\(Self.limit)"])
            }
        }
        return instruments
    }
}
