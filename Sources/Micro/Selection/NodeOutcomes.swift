internal import MicroPluginKit
internal import Synchronization

/// How the calls on a node have ended in the present interval, and in a row.
///
/// All calls write it, without a lock. A call that succeeds makes one addition.
final class NodeOutcomes: Sendable {
    /// One call of so many is measured.
    private static let samplePeriod: UInt64 = 8

    /// The greatest number of failures that is counted.
    static let countLimit = 0xFFFF

    /// Successes in the lower 32 bits, failures in the next 16, and failures in a row in the upper 16.
    private let counts = Atomic<UInt64>(0)

    private static let failureUnit: UInt64 = 1 << 32
    private static let rowUnit: UInt64 = 1 << 48

    /// The sum of the logarithms of the measured latencies, and their number.
    private let logarithms = Atomic<Int64>(0)
    private let samples = Atomic<Int64>(0)

    /// How often the node was ejected, less the intervals in which it was not.
    private let ejections = Atomic<Int>(0)

    /// What an interval has shown.
    struct Interval {
        let successes: Int
        let failures: Int
        /// The geometric mean of the latencies in nanoseconds, as a logarithm to the base 2; `nil` without any.
        let latency: Double?
        let samples: Int
    }

    /// Whether the next call should be measured.
    var wantsSample: Bool { counts.load(ordering: .relaxed) % Self.samplePeriod == 0 }

    /// Counts a call that the node has answered.
    func succeeded() {
        let before = counts.wrappingAdd(1, ordering: .relaxed).oldValue
        // Failures in a row have ended.
        if before >= Self.rowUnit { change { $0 & (Self.rowUnit - 1) } }
    }

    /// Counts a call that failed by the node's fault.
    ///
    /// - Returns: How many have failed in a row.
    func failed() -> Int {
        let counts = change { counts in
            var counts = counts
            // Neither number runs over into the other.
            if counts / Self.failureUnit % (1 << 16) < Self.countLimit { counts += Self.failureUnit }
            if counts / Self.rowUnit < Self.countLimit { counts += Self.rowUnit }
            return counts
        }
        return Int(counts / Self.rowUnit)
    }

    /// Counts the length of a call.
    func took(_ nanoseconds: Int64) {
        logarithms.wrappingAdd(Int64(Self.logarithm(of: nanoseconds) * 1024), ordering: .relaxed)
        samples.wrappingAdd(1, ordering: .relaxed)
    }

    /// Returns what the interval has shown, and begins the next one.
    func endInterval() -> Interval {
        var taken: UInt64 = 0
        change { counts in
            taken = counts
            return counts / Self.rowUnit * Self.rowUnit
        }
        let number = samples.exchange(0, ordering: .relaxed)
        let sum = logarithms.exchange(0, ordering: .relaxed)
        return Interval(
            successes: Int(taken % Self.failureUnit), failures: Int(taken / Self.failureUnit % (1 << 16)),
            latency: number > 0 ? Double(sum) / 1024 / Double(number) : nil, samples: Int(number))
    }

    /// Forgets all but how often the node was ejected.
    func reset() {
        counts.store(0, ordering: .relaxed)
        logarithms.store(0, ordering: .relaxed)
        samples.store(0, ordering: .relaxed)
    }

    /// Counts an ejection.
    ///
    /// - Returns: Its number.
    func ejected() -> Int { ejections.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Forgives an ejection: the node has answered for an interval.
    func forgive() {
        let count = ejections.load(ordering: .relaxed)
        if count > 0 {
            _ = ejections.compareExchange(expected: count, desired: count - 1, ordering: .relaxed)
        }
    }

    @discardableResult private func change(_ body: (UInt64) -> UInt64) -> UInt64 {
        var old = counts.load(ordering: .relaxed)
        while true {
            let new = body(old)
            let (exchanged, original) = counts.weakCompareExchange(
                expected: old, desired: new, ordering: .relaxed)
            if exchanged { return new }
            old = original
        }
    }

    /// Returns the logarithm of a number to the base 2, to within a tenth, which needs no library of mathematics.
    static func logarithm(of number: Int64) -> Double {
        let number = Double(min(max(1, number), 1 << 60))
        return Double(number.exponent) + number.significand - 1
    }
}
