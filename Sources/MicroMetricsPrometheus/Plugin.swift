internal import Micro
public import MicroCore

extension Plugin {
    /// Prometheus, the default where it is linked; `MICRO_METRICS_ADDRESS` switches it on.
    public static var prometheusMetrics: Self {
        Plugin(
            .metrics, "prometheus", settings: PrometheusMetrics.settings,
            summary: "metrics and health over HTTP, for Prometheus to scrape"
        ) { _ in PrometheusMetrics() }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .prometheusMetrics }
