import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A measurement with the trace that it belongs to.
struct Exemplar: Sendable {
    let trace: String
    let value: Double

    /// Seconds since 1970.
    let time: Double
}

/// The example of one bucket of a histogram, which another one replaces once a second at most.
final class ExemplarSlot: Sendable {
    private static let interval: Int64 = 1_000_000_000

    /// What OpenMetrics allows of an example's labels: 128 characters with the label's name.
    private static let traceLimit = 128 - "trace_id".utf8.count

    private let next = Atomic<Int64>(.min)
    private let exemplar = Mutex<Exemplar?>(nil)

    var current: Exemplar? { exemplar.withLock { $0 } }

    /// Keeps a measurement as the example if it is time for another one.
    ///
    /// - Parameters:
    ///   - value: The measurement.
    ///   - uptime: The present moment, in nanoseconds of the machine's monotonic clock.
    ///   - traceID: Returns its trace.
    func offer(_ value: @autoclosure () -> Double, at uptime: Int64, traceID: () -> String?) {
        let due = next.load(ordering: .relaxed)
        guard uptime >= due else { return }
        // Of several at once, one goes on. A call without a trace is looked at no more often than one with it.
        let isOurs = next.compareExchange(
            expected: due, desired: uptime &+ Self.interval, ordering: .relaxed
        ).exchanged
        guard isOurs, let trace = traceID(), !trace.isEmpty, trace.utf8.count <= Self.traceLimit else {
            return
        }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let new = Exemplar(
            trace: trace, value: value(), time: Double(time.tv_sec) + Double(time.tv_nsec / 1_000_000) / 1000)
        exemplar.withLock { $0 = new }
    }
}
