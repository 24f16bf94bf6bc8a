import Logging
import Micro
import MicroPluginKit
import Synchronization

/// One metric with its values for all sets of labels, of which there is a bounded number.
final class MetricFamily: Sendable {
    /// The name, for a counter without `_total`.
    let name: String

    let type: MetricType
    private let unit: String
    private let help: String
    private let limit: Int
    private let makeSeries: @Sendable () -> any Series
    private let series = Mutex<[String: any Series]>([:])
    private let overflow = LogThrottle(burst: 1, interval: .seconds(24 * 3600))

    /// Creates a metric without values.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - type: What it is.
    ///   - unit: The unit with which the name ends, or an empty text.
    ///   - help: What it means.
    ///   - limit: How many sets of labels it may have.
    ///   - makeSeries: Makes the values for one of them.
    init(
        name: String, type: MetricType, unit: String, help: String, limit: Int,
        makeSeries: @escaping @Sendable () -> any Series
    ) {
        self.name = name
        self.type = type
        self.unit = unit
        self.help = help
        self.limit = limit
        self.makeSeries = makeSeries
    }

    /// Returns the values for some labels, which are made if there are none.
    ///
    /// Labels beyond the limit share values whose labels all say so.
    func series(_ labels: [(String, String)]) -> any Series {
        let reserved = type == .histogram ? "le" : nil
        let key = LabelText.joined(labels, reserved: reserved)
        let (found, isOverflow) = series.withLock { series -> (any Series, Bool) in
            if let known = series[key] { return (known, false) }
            let isOverflow = series.count >= limit && !labels.isEmpty
            let other = LabelText.joined(labels.map { ($0.0, "_OTHER") }, reserved: reserved)
            let key = isOverflow ? other : key
            let new = series[key] ?? makeSeries()
            series[key] = new
            return (new, isOverflow)
        }
        if isOverflow { warn() }
        return found
    }

    private func warn() {
        overflow.admit { _ in
            Logger.current.warning(
                """
                A metric has as many sets of labels as it may have; further ones are counted as _OTHER. \
                MICRO_METRICS_MAX_SERIES raises the limit.
                """, metadata: ["micro.metric": "\(name)", "micro.limit": "\(limit)"])
        }
    }

    /// Forgets values that nobody changes any more.
    func remove(_ gone: any Series) { series.withLock { $0 = $0.filter { $0.value !== gone } } }

    /// Writes all values.
    func write(to text: inout ExpositionText) {
        let all = series.withLock { $0 }.sorted { $0.key < $1.key }
        guard !all.isEmpty else { return }
        text.header(name, type: type, unit: unit, help: help)
        for (labels, series) in all { series.write(name, labels: labels, to: &text) }
    }
}
