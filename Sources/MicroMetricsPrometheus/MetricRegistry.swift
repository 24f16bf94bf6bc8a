import CoreMetrics
import Logging
import Micro
import MicroPluginKit
import Synchronization

/// The metrics that are made by swift-metrics, and how a scrape sees them.
///
/// Two instruments of one name and the same labels are one.
final class MetricRegistry: MetricsFactory {
    private let descriptions: [String: MetricDescription]
    private let limit: Int
    private let families = Mutex<[String: MetricFamily]>([:])
    private let sources = Mutex<[WeakSource]>([])
    private let conflicts = LogThrottle(burst: 5, interval: .seconds(24 * 3600))

    private struct WeakSource {
        weak var source: (any MetricsSource)?
    }

    /// Creates a registry without metrics.
    ///
    /// - Parameters:
    ///   - descriptions: What is known of metrics beside their names.
    ///   - limit: How many sets of labels a metric may have.
    init(descriptions: [MetricDescription] = [], limit: Int) {
        self.descriptions = Dictionary(
            (descriptions + MetricDescription.engine).map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        self.limit = limit
    }

    /// Adds what is to be asked for its gauges before each scrape, for as long as somebody else keeps it.
    func add(_ source: any MetricsSource) {
        sources.withLock { sources in
            sources.removeAll { $0.source == nil }
            sources.append(WeakSource(source: source))
        }
    }

    /// Whether all services are ready.
    var isReady: Bool { sources.withLock { $0 }.allSatisfy { $0.source?.isReady ?? true } }

    /// Returns the text of a scrape.
    func text(_ format: ExpositionText.Format) -> [UInt8] {
        for source in sources.withLock({ $0 }) { source.source?.collect() }
        var text = ExpositionText(format)
        for family in families.withLock({ Array($0.values) }).sorted(by: { $0.name < $1.name }) {
            family.write(to: &text)
        }
        text.end()
        return text.bytes
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        counter(label, dimensions)
    }

    func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        counter(label, dimensions)
    }

    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(label, dimensions)
    }

    func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else { return gauge(label, dimensions) }
        return histogram(label, dimensions, scale: 1, MetricDescription.byteBuckets)
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(label, dimensions, scale: 1e9, MetricDescription.secondsBuckets)
    }

    func destroyCounter(_ handler: any CounterHandler) { remove(handler) }

    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }

    func destroyMeter(_ handler: any MeterHandler) { remove(handler) }

    func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }

    func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    private func remove(_ handler: any AnyObject) {
        guard let series = handler as? any Series else { return }
        for family in families.withLock({ Array($0.values) }) { family.remove(series) }
    }

    private func counter(_ label: String, _ labels: [(String, String)]) -> CounterSeries {
        series(label, .counter, labels) { CounterSeries() }
    }

    private func gauge(_ label: String, _ labels: [(String, String)]) -> GaugeSeries {
        series(label, .gauge, labels) { GaugeSeries() }
    }

    private func histogram(
        _ label: String, _ labels: [(String, String)], scale: Double, _ buckets: [Double]
    ) -> HistogramSeries {
        let own = descriptions[label]?.buckets.sorted().filter(\.isFinite) ?? []
        let buckets = own.isEmpty ? buckets : own
        return series(label, .histogram, labels, unit: scale == 1 ? "" : "s") {
            HistogramSeries(buckets: buckets, scale: scale)
        }
    }

    /// Returns the name under which Prometheus knows a metric, for a counter without `_total`.
    static func shownName(of description: MetricDescription) -> String {
        let type = MetricType(rawValue: description.kind.rawValue) ?? .gauge
        return name(description.name, type, unit: unit(description.unit))
    }

    /// Returns the values of a metric for some labels.
    ///
    /// A metric that has another kind already, by the name that Prometheus sees, gets values that nobody sees.
    private func series<Kind: Series>(
        _ label: String, _ type: MetricType, _ labels: [(String, String)], unit: String = "",
        make: @escaping @Sendable () -> Kind
    ) -> Kind {
        let description = descriptions[label]
        let shownUnit = Self.unit(description?.unit ?? unit)
        let name = Self.name(label, type, unit: shownUnit)
        let family = families.withLock { families in
            if let known = families[name] { return known }
            let new = MetricFamily(
                name: name, type: type, unit: shownUnit, help: description?.meaning ?? "", limit: limit,
                makeSeries: make)
            families[name] = new
            return new
        }
        if let series = family.series(labels) as? Kind { return series }
        conflicts.admit { _ in
            Logger.current.warning(
                "A metric is not shown: another one has its name, and is of another kind.",
                metadata: ["micro.metric": "\(name)", "micro.metric.kind": "\(type)"])
        }
        return make()
    }

    /// A unit as it is written in names.
    private static func unit(_ unit: String) -> String {
        switch unit {
        case "s": "seconds"
        case "By": "bytes"
        case "1": "ratio"
        default: ""
        }
    }

    /// What Prometheus's own clients call what they tell of their process.
    private static let wellKnown = [
        "process.unix.file_descriptor.count": "process_open_fds", "process.thread.count": "process_threads",
        "process.memory.usage": "process_resident_memory_bytes", "process.cpu.time": "process_cpu_seconds",
    ]

    private static func name(_ label: String, _ type: MetricType, unit: String) -> String {
        if let name = wellKnown[label] { return name }
        var name = LabelText.metricName(label)
        if type == .counter, name.hasSuffix("_total") { name.removeLast("_total".count) }
        return unit.isEmpty || name.hasSuffix("_\(unit)") ? name : "\(name)_\(unit)"
    }
}
