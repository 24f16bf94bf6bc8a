import MicroCore
import MicroPluginKit

/// The calls that wait for a place below the limit: a short queue that takes the edge off bursts, by priority.
///
/// Critical calls go before default ones, and these before sheddable ones; in each class the first goes first. How long
/// the queue may be is settled by the time that the last in it would wait. That is long for a burst. It is short while
/// there are more calls than can be served for good: a queue that stands makes every call late and serves none more
/// (the idea of CoDel). So nobody waits for long, and there is no need to serve the newest first, as with queues that
/// are bounded by their length alone.
///
/// It is a state without a clock and without a lock.
struct AdmissionQueue<Caller> {
    /// A call that waits.
    struct Entry {
        let caller: Caller
        let begin: Int64

        /// The moment at which it is too late to begin, which leaves time to answer.
        let latestStart: Int64
    }

    /// How quickly calls are served.
    struct Pace {
        /// How many are served in a second; `nil` if that isn't known.
        var throughput: Double?

        /// How long one usually takes, in nanoseconds; `nil` if that isn't known.
        var latency: Double?
    }

    /// How many calls of each class may wait.
    let capacity: Int

    private var critical = FIFO<Entry>()
    private var normal = FIFO<Entry>()
    private var sheddable = FIFO<Entry>()

    /// Since when calls have been waiting without a break.
    private var standingSince: Int64?

    /// When to look for late calls again.
    private var nextSearch = Int64.min

    /// Until when the queue is kept short.
    private var shortUntil = Int64.min

    /// Creates an empty queue.
    ///
    /// - Parameter capacity: How many calls of each class may wait.
    init(capacity: Int) { self.capacity = capacity }

    /// The number of calls that wait.
    var count: Int { critical.count + normal.count + sheddable.count }

    /// Whether no call waits.
    var isEmpty: Bool { count == 0 }

    // MARK: In

    /// Returns why a call may not wait, if it may not.
    ///
    /// - Parameters:
    ///   - criticality: How much the call matters.
    ///   - deadline: When nobody waits for its answer any more.
    ///   - now: The present moment.
    ///   - pace: How quickly calls are served.
    /// - Returns: Why; `nil` if it may wait.
    mutating func refusal(
        of criticality: Criticality, deadline: Int64?, at now: Int64, _ pace: Pace
    ) -> RefusalReason? {
        let place = ahead(of: criticality) + 1
        let wait = pace.throughput.map { Double(place) / max($0, 1e-3) * 1e9 } ?? 0
        let isTooLong = length(of: criticality) >= capacity || wait > longestWait(criticality, at: now, pace)
        if isTooLong {
            // A second without a refusal, and the queue may be long again.
            shortUntil = now.advancedClamped(by: 1e9)
            return .overload
        }
        guard let deadline else { return nil }
        return now.advancedClamped(by: wait + (pace.latency ?? 0)) > deadline ? .deadline : nil
    }

    /// Puts a call in for which there is no ``refusal(of:deadline:at:_:)``.
    mutating func append(
        _ caller: Caller, _ criticality: Criticality, deadline: Int64?, at now: Int64, _ pace: Pace
    ) {
        standingSince = standingSince ?? now
        // The estimate may be wrong, and others may have come in front: twice the time is too long for sure.
        let patience = now.advancedClamped(by: 2 * Self.burst(pace))
        let latest = deadline.map { $0.advancedClamped(by: -(pace.latency ?? 0)) } ?? .max
        let entry = Entry(caller: caller, begin: now, latestStart: min(patience, latest))
        switch criticality {
        case .critical: critical.append(entry)
        case .default: normal.append(entry)
        case .sheddable: sheddable.append(entry)
        }
    }

    private func ahead(of criticality: Criticality) -> Int {
        switch criticality {
        case .critical: critical.count
        case .default: critical.count + normal.count
        case .sheddable: count
        }
    }

    private func length(of criticality: Criticality) -> Int {
        switch criticality {
        case .critical: critical.count
        case .default: normal.count
        case .sheddable: sheddable.count
        }
    }

    /// How long a call may wait, in nanoseconds.
    private func longestWait(_ criticality: Criticality, at now: Int64, _ pace: Pace) -> Double {
        let burst = Self.burst(pace)
        let isStanding =
            now < shortUntil
            || standingSince.map { Double(max(0, now.subtractingReportingOverflow($0).partialValue)) > burst }
                ?? false
        return switch criticality {
        case .critical: burst
        case .default: isStanding ? max(5e6, (pace.latency ?? 0) / 2) : burst
        case .sheddable: isStanding ? 0 : burst / 2
        }
    }

    /// How long a call may wait in a burst, in nanoseconds: 100 ms, or as long as it takes itself.
    private static func burst(_ pace: Pace) -> Double { max(100e6, pace.latency ?? 0) }

    // MARK: Out

    /// Takes the call out whose turn it is.
    mutating func popFirst() -> Entry? {
        let entry = critical.popFirst() ?? normal.popFirst() ?? sheddable.popFirst()
        if isEmpty { standingSince = nil }
        return entry
    }

    /// Takes the calls out that should not be begun any more; looks for them every 10 ms.
    mutating func removeLate(at now: Int64) -> [Entry] {
        guard !isEmpty, now >= nextSearch else { return [] }
        nextSearch = now.advancedClamped(by: 10e6)
        return remove { $0.latestStart < now }
    }

    /// Takes calls out; the others keep their order.
    mutating func remove(where isUnwanted: (Entry) -> Bool) -> [Entry] {
        guard !isEmpty else { return [] }
        var removed: [Entry] = []
        func take(_ entry: Entry) -> Bool {
            guard isUnwanted(entry) else { return false }
            removed.append(entry)
            return true
        }
        critical.removeAll(where: take)
        normal.removeAll(where: take)
        sheddable.removeAll(where: take)
        if isEmpty { standingSince = nil }
        return removed
    }
}

extension Int64 {
    /// The moment some nanoseconds later, or the last or first one that there is.
    fileprivate func advancedClamped(by nanoseconds: Double) -> Int64 {
        let distance = Int64(Swift.max(-9e18, Swift.min(9e18, nanoseconds)))
        let (sum, overflow) = addingReportingOverflow(distance)
        return overflow ? (distance < 0 ? .min : .max) : sum
    }
}
