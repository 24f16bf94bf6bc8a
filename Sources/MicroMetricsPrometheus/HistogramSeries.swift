import CoreMetrics
import Micro

/// How many measurements were how large, in fixed buckets.
final class HistogramSeries: Series, RecorderHandler, ExemplarTimerHandler {
    /// The upper bounds of the buckets, in the unit that is shown.
    private let limits: [Double]

    /// The same as they are measured, which is in whole numbers.
    private let bounds: [Int]

    /// How many of the units that are measured are one that is shown: nanoseconds of a second.
    private let scale: Double

    /// The number of measurements in each bucket and beyond the last one, and the sum of all that are whole.
    private let words: StripedWords
    private let fractions = FloatCell()
    private let exemplars: [ExemplarSlot]

    /// Creates a histogram without measurements.
    ///
    /// - Parameters:
    ///   - buckets: The upper bounds, in the unit that is shown, in rising order.
    ///   - scale: How many of the units that are measured are one that is shown.
    init(buckets: [Double], scale: Double) {
        limits = buckets
        self.scale = scale
        bounds = buckets.map { Int(exactly: ($0 * scale).rounded(.down)) ?? .max }
        words = StripedWords(count: buckets.count + 2)
        exemplars = (0...buckets.count).map { _ in ExemplarSlot() }
    }

    func record(_ value: Int64) { add(Int(value)) }

    func record(_ value: Double) {
        guard value.isFinite else { return }
        words.add(1, at: limits.firstIndex { value <= $0 } ?? limits.count)
        fractions.add(value)
    }

    func recordNanoseconds(_ duration: Int64) { add(Int(duration)) }

    func recordNanoseconds(_ duration: Int64, at uptime: Int64, traceID: () -> String?) {
        let bucket = add(Int(duration))
        exemplars[bucket].offer(Double(duration) / scale, at: uptime, traceID: traceID)
    }

    @discardableResult
    private func add(_ value: Int) -> Int {
        var bucket = 0
        while bucket < bounds.count, value > bounds[bucket] { bucket &+= 1 }
        words.add(1, at: bucket)
        words.add(value, at: bounds.count &+ 1)
        return bucket
    }

    func write(_ name: String, labels: String, to text: inout ExpositionText) {
        let separator = labels.isEmpty ? "" : ","
        var count = 0
        for position in 0...limits.count {
            count += words.sum(at: position)
            let bound = position < limits.count ? "\(limits[position])" : "+Inf"
            text.line(
                name, "_bucket", "\(labels)\(separator)le=\"\(bound)\"", Double(count),
                exemplar: exemplars[position].current)
        }
        text.line(name, "_sum", labels, Double(words.sum(at: limits.count + 1)) / scale + fractions.value)
        text.line(name, "_count", labels, Double(count))
    }
}
