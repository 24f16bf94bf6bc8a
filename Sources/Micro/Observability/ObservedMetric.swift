import CoreMetrics
internal import Synchronization

/// A value of a metric that is read when the back end is.
struct MetricReading: Sendable {
    /// The labels, in an order that stays.
    let labels: [(String, String)]

    /// The value.
    let value: Double

    init(_ value: Double, labels: [(String, String)] = []) {
        self.labels = labels
        self.value = value
    }
}

/// A gauge, or a counter that is kept elsewhere, with the instrument of each of its label values.
final class ObservedMetric: Sendable {
    private enum Instrument {
        case gauge(any MeterHandler)
        case counter(any FloatingPointCounterHandler, last: Double)
    }

    private let description: MetricDescription
    private let factory: any MetricsFactory
    private let read: @Sendable () -> [MetricReading]
    private let instruments = Mutex<[String: Instrument]>([:])

    init(
        _ description: MetricDescription, factory: any MetricsFactory,
        _ read: @escaping @Sendable () -> [MetricReading]
    ) {
        self.description = description
        self.factory = factory
        self.read = read
    }

    /// Brings the instruments up to date.
    func collect() {
        // Of several with the same labels, such as two subscribers of a topic, the sum counts.
        var readings: [String: MetricReading] = [:]
        for reading in read() {
            let key = reading.labels.map(\.1).joined(separator: "\u{0}")
            let sum = reading.value + (readings[key]?.value ?? 0)
            readings[key] = MetricReading(sum, labels: reading.labels)
        }
        instruments.withLock { instruments in
            for key in instruments.keys where readings[key] == nil {
                destroy(instruments.removeValue(forKey: key))
            }
            for (key, reading) in readings {
                var instrument = instruments[key] ?? make(reading.labels)
                set(&instrument, reading.value)
                instruments[key] = instrument
            }
        }
    }

    private func make(_ labels: [(String, String)]) -> Instrument {
        if description.kind == .counter {
            return .counter(
                factory.makeFloatingPointCounter(label: description.name, dimensions: labels), last: 0)
        }
        return .gauge(factory.makeMeter(label: description.name, dimensions: labels))
    }

    private func set(_ instrument: inout Instrument, _ value: Double) {
        switch instrument {
        case .gauge(let meter):
            meter.set(value)
        case .counter(let counter, let last):
            // Two that collect at once may come here in either order.
            guard value > last else { return }
            counter.increment(by: value - last)
            instrument = .counter(counter, last: value)
        }
    }

    private func destroy(_ instrument: Instrument?) {
        switch instrument {
        case .gauge(let meter): factory.destroyMeter(meter)
        case .counter(let counter, _): factory.destroyFloatingPointCounter(counter)
        case nil: break
        }
    }
}
