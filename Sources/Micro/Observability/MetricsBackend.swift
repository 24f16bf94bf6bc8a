public import CoreMetrics
public import MicroCore

/// Where the metrics of a service or client go: a back end of swift-metrics with a lifecycle of its own.
///
/// A service that links `MicroMetricsPrometheus` has one. Without any, the engine's metrics go to what the program has
/// bootstrapped swift-metrics with, and if it hasn't, nothing is measured.
///
/// A service resolves its back end when it starts, so that several services of a process, or of its tests, may each
/// have one:
///
/// ```swift
/// MicroService("greeter") { … }.using(.metrics, PrometheusMetrics(address: ":9464"))
/// ```
public protocol MetricsBackend: Part {
    /// What makes the instruments; `nil` while the back end is switched off, which costs calls nothing.
    ///
    /// It is asked once, after ``Part/prepare(_:)``.
    var factory: (any MetricsFactory)? { get }

    /// Takes a source whose gauges are out of date until it is asked to collect them.
    ///
    /// A back end that is read, as by a scrape, keeps a weak reference and calls ``MetricsSource/collect()`` before each
    /// read. One that isn't returns `false`; the engine then collects every ten seconds.
    ///
    /// - Parameter source: The source.
    /// - Returns: Whether the back end asks for what it needs.
    func collect(from source: any MetricsSource) -> Bool
}

/// A service or client that has metrics.
public protocol MetricsSource: AnyObject, Sendable {
    /// Brings gauges, and counters that are kept elsewhere, up to date.
    func collect()

    /// Whether calls may be sent here: a service is in the registry, and doesn't stop.
    var isReady: Bool { get }
}

/// An instrument for durations that remembers the trace of a call here and there, as an example.
///
/// A back end's timers may be of this kind; then the engine gives them the trace of each call that it measures.
public protocol ExemplarTimerHandler: TimerHandler {
    /// Records a duration.
    ///
    /// - Parameters:
    ///   - duration: The nanoseconds that something took.
    ///   - uptime: The present moment, in nanoseconds of the machine's monotonic clock.
    ///   - traceID: Returns the trace to which it belongs; called only if the duration becomes an example.
    func recordNanoseconds(_ duration: Int64, at uptime: Int64, traceID: () -> String?)
}

extension PluginRole where Interface == any MetricsBackend {
    /// Where metrics go, chosen with `MICRO_METRICS`; a linked back end is used unless another is chosen.
    public static var metrics: Self {
        PluginRole("metrics", preferring: ["prometheus"], meaning: "where metrics go")
    }
}
