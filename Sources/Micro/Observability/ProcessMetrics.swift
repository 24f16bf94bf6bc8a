import CoreMetrics
import MicroCore
internal import Synchronization

/// What is measured of the process: once for each back end, however many services and clients of the process have it.
final class ProcessMetrics: Sendable {
    private struct WeakMetrics {
        weak var metrics: ProcessMetrics?
    }

    private static let known = Mutex<[ObjectIdentifier: WeakMetrics]>([:])

    private let metrics: [ObservedMetric]

    private init(_ factory: any MetricsFactory) {
        let start = Uptime.now
        func observed(
            _ description: MetricDescription, _ read: @escaping @Sendable () -> Double?
        ) -> ObservedMetric {
            ObservedMetric(description, factory: factory) { read().map { [MetricReading($0)] } ?? [] }
        }
        metrics = [
            observed(.descriptors) { ProcessUsage.openDescriptors.map(Double.init) },
            observed(.threads) { Double(ProcessUsage.current.threads) },
            observed(.memory) { Double(ProcessUsage.current.memory) },
            observed(.cpu) { ProcessUsage.cpuSeconds },
            observed(.uptime) { Double(Uptime.now.nanoseconds &- start.nanoseconds) / 1e9 },
        ]
    }

    /// Returns those of a back end.
    static func shared(_ factory: any MetricsFactory) -> ProcessMetrics {
        // Only an object has an identity.
        guard type(of: factory) is AnyClass else { return ProcessMetrics(factory) }
        let id = ObjectIdentifier(factory as AnyObject)
        return known.withLock { known in
            known = known.filter { $0.value.metrics != nil }
            if let metrics = known[id]?.metrics { return metrics }
            let new = ProcessMetrics(factory)
            known[id] = WeakMetrics(metrics: new)
            return new
        }
    }

    /// Brings the instruments up to date.
    func collect() { for metric in metrics { metric.collect() } }
}
