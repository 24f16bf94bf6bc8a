import CoreMetrics
import Micro

/// The values of one metric for one set of labels.
protocol Series: AnyObject, Sendable {
    /// Writes the lines of the values.
    func write(_ name: String, labels: String, to text: inout ExpositionText)
}

/// A number that only grows.
final class CounterSeries: Series, CounterHandler, FloatingPointCounterHandler {
    private let words = StripedWords(count: 1)
    private let fraction = FloatCell()

    func increment(by amount: Int64) {
        if amount > 0 { words.add(Int(amount), at: 0) }
    }

    func increment(by amount: Double) {
        if amount > 0, amount.isFinite { fraction.add(amount) }
    }

    func reset() {
        words.add(0 &- words.sum(at: 0), at: 0)
        fraction.value = 0
    }

    func write(_ name: String, labels: String, to text: inout ExpositionText) {
        text.line(name, "_total", labels, Double(words.sum(at: 0)) + fraction.value)
    }
}

/// A number that grows and falls.
final class GaugeSeries: Series, MeterHandler, RecorderHandler {
    private let cell = FloatCell()

    func set(_ value: Int64) { cell.value = Double(value) }

    func set(_ value: Double) { cell.value = value }

    func increment(by amount: Double) { cell.add(amount) }

    func decrement(by amount: Double) { cell.add(-amount) }

    func record(_ value: Int64) { cell.value = Double(value) }

    func record(_ value: Double) { cell.value = value }

    func write(_ name: String, labels: String, to text: inout ExpositionText) {
        text.line(name, "", labels, cell.value)
    }
}
