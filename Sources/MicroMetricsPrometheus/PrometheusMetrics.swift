public import CoreMetrics
public import Micro
public import MicroCore
import MicroPluginKit
import Synchronization

/// Metrics for Prometheus, over HTTP on a port of their own.
///
/// A service that links `MicroMetricsPrometheus` has it once `MICRO_METRICS_ADDRESS` is set: it serves `/metrics`, in
/// Prometheus's text format and in OpenMetrics, `/health/live` and `/health/ready`. Without the variable nothing is
/// measured or opened.
///
/// Services and clients of a process that have the same address share the listener and the metrics.
///
/// An application adds metrics of its own by the factory, or gives it to swift-metrics for all of the process:
///
/// ```swift
/// let prometheus = PrometheusMetrics(address: ":9464")
/// MetricsSystem.bootstrap(prometheus.factory ?? NOOPMetricsHandler.instance)
/// let service = MicroService("greeter") { … }.using(.metrics, prometheus)
/// ```
///
/// ## Configuration keys
///
/// - `metrics.address`: Where it listens; a port alone is one of the loopback.
/// - `metrics.max.series`: How many sets of labels a metric may have.
public final class PrometheusMetrics: MetricsBackend {
    private enum Keys {
        static let address = Setting<String?>(
            "address", .text("host:port, or :port for the loopback"), without: "off",
            "where metrics and health are served over HTTP; `0.0.0.0:9464` is for all addresses of the machine"
        )
        static let maximumSeries = Setting(
            "max.series", .number(in: 1...1_000_000), default: 2000,
            "how many sets of labels a metric may have; further ones are counted together as `_OTHER`")
    }

    /// What operators may set.
    public static var settings: [SettingDeclaration] {
        [Keys.address.declaration, Keys.maximumSeries.declaration]
    }

    private let descriptions: [MetricDescription]
    private let given: Result<ScrapeServer, StartError>?
    private let server = Mutex<ScrapeServer?>(nil)
    private let isOpen = Latch()

    /// Creates a back end.
    ///
    /// - Parameters:
    ///   - address: Where it listens, as `MICRO_METRICS_ADDRESS` has it; `nil` takes that.
    ///   - maximumSeries: How many sets of labels a metric may have, where an address is given.
    ///   - descriptions: What is known of the application's own metrics beside their names.
    public init(
        address: String? = nil, maximumSeries: Int = 2000, descriptions: [MetricDescription] = []
    ) {
        self.descriptions = descriptions
        given = address.map { text in
            Result { () throws(StartError) in
                try Self.server(text, descriptions, limit: max(1, maximumSeries))
            }
        }
        if let server = try? given?.get() { self.server.withLock { $0 = server } }
    }

    private static func server(
        _ text: String, _ descriptions: [MetricDescription], limit: Int
    ) throws(StartError) -> ScrapeServer {
        var address = try ListenAddress(parsing: text)
        guard let (host, port) = address.hostPort else {
            throw StartError(
                .invalidConfiguration,
                "MICRO_METRICS_ADDRESS is \"\(text.printable(limit: 100))\", and must be a host and a port.")
        }
        if host.isEmpty { address = .host("127.0.0.1", port: port) }
        return .shared(address) { MetricRegistry(descriptions: descriptions, limit: limit) }
    }

    /// Makes instruments that a scrape sees; `nil` while no address is set.
    public var factory: (any MetricsFactory)? { server.withLock { $0?.registry } }

    /// The address that is bound, with the port that the system chose; `nil` while none is.
    public var address: ListenAddress? { server.withLock(\.self)?.address }

    /// Reads the configuration of the service.
    ///
    /// - Parameter context: The service's configuration.
    /// - Throws: A `StartError` that says what is wrong with the address.
    public func prepare(_ context: PluginContext) throws {
        if let given {
            _ = try given.get()
            return
        }
        guard let text = try context.settings[Keys.address] else { return }
        let limit = try context.settings[Keys.maximumSeries]
        let new = try Self.server(text, descriptions, limit: limit)
        server.withLock { $0 = new }
    }

    /// Adds a service or client whose gauges are collected before each scrape.
    public func collect(from source: any MetricsSource) -> Bool {
        server.withLock(\.self)?.registry.add(source)
        return true
    }

    /// Serves until the task is cancelled.
    ///
    /// - Throws: A `StartError` if the address can't be bound.
    public func run() async throws {
        guard let server = server.withLock(\.self) else {
            isOpen.open()
            return await Latch().wait()
        }
        try await server.run { isOpen.open() }
    }

    /// Waits until metrics can be scraped.
    public func waitUntilReady() async throws { await isOpen.wait() }
}
