#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Decides how many calls of an endpoint may be in flight, from how long they take at which load.
///
/// There is no limit until there is evidence of overload, whatever the number of calls in flight and however long they
/// take: a service whose handlers sleep in ten thousand calls isn't overloaded. The evidence is that calls take more
/// than twice as long as usual, by far more than chance explains, while more of them are in flight than usual, in two
/// cohorts one after the other.
///
/// Then the limit is an experiment: it is set below the load at which that was seen. Where calls queue for something
/// behind the handlers, fewer of them in flight take less long, and the limit follows the gradient, as in Envoy's
/// adaptive concurrency and Netflix's Gradient2: `limit · usual ÷ measured + √limit`. Where they take just as long, they
/// wait for something else (a cold cache, a slow neighbour, long polling): what was measured is the new usual latency,
/// and the limit goes back above the load.
///
/// It is a state machine without a clock: moments are nanoseconds of the caller's monotonic clock.
struct ConcurrencyController {
    /// The limit never falls below this one.
    let floor: Int

    /// How many calls may be in flight; `nil` while all may.
    var limit: Int? { exactLimit.map { Int($0) } }

    /// The usual latency in nanoseconds, once it is known.
    var usualLatency: Double? { usual.map { exp2($0.latency) } }

    /// The limit with its fraction, which adds up.
    private var exactLimit: Double?

    /// What is usual: a latency that most cohorts exceed, and the load at which it is seen.
    private var usual: (latency: Double, inFlight: Double)?

    /// The number of cohorts from which the usual latency was learnt.
    private var lessons = 1.0

    /// How many cohorts in a row were evidence of overload.
    private var strikes = 0

    /// The cohort before the limit was lowered, to which those after it are compared.
    private var reference: LatencyCohort.Summary?

    /// Whether the limit was lowered for nothing, so that it is doubled until there is another reason for one.
    private var isReturning = false

    /// The limit to return to after a cohort with a low one, which measures the usual latency under overload.
    private var limitBeforeProbe: Double?

    /// The number of cohorts since the last probe.
    private var cohortsSinceProbe = 0

    /// When the limit kept a call waiting for the last time, and when the last cohort ended.
    private var lastTouch: Int64 = 0
    private var lastEnd: Int64 = 0

    /// Creates a controller without a limit.
    ///
    /// - Parameter floor: The limit never falls below this one.
    init(floor: Int) { self.floor = max(1, floor) }

    /// For how long a cohort is waited for, in nanoseconds.
    var patience: Int64 { usualLatency.map { Int64(min(max(5e9, 8 * $0), 600e9)) } ?? 60_000_000_000 }

    /// Learns from a cohort that has ended.
    ///
    /// - Parameters:
    ///   - cohort: What it has found.
    ///   - now: The present moment.
    ///   - isTouched: Whether the limit has kept a call waiting meanwhile.
    mutating func learn(
        _ cohort: LatencyCohort.Summary, at now: Int64, isTouched: Bool
    ) {
        let time = Double(max(0, now - lastEnd)) / 1e9
        lastEnd = now
        guard let usual else {
            if cohort.teaches { self.usual = (cohort.latency, cohort.inFlight) }
            return
        }
        guard let limit = exactLimit else {
            return watch(cohort, usual, at: now, time: time)
        }
        if isTouched { lastTouch = now }
        if now - lastTouch > Self.rest { return removeLimit() }
        if cohort.latency < usual.latency, cohort.teaches {
            follow(cohort, share: limitBeforeProbe == nil ? 0.1 : 0.4)
        }
        if let limit = limitBeforeProbe {
            exactLimit = limit
            limitBeforeProbe = nil
        } else if !judge(cohort, limit), isTouched {
            adjust(cohort, limit)
        }
    }

    // MARK: Without a limit

    private mutating func watch(
        _ cohort: LatencyCohort.Summary, _ usual: (latency: Double, inFlight: Double), at now: Int64,
        time: Double
    ) {
        let excess = cohort.latency - usual.latency
        let isSlow =
            excess > max(Self.evidence, 4 * cohort.error)
            && exp2(cohort.latency) - exp2(usual.latency) > Self.imperceptible
        let isBusy = cohort.inFlight >= Double(floor) && cohort.inFlight >= 1.5 * usual.inFlight
        if cohort.teaches {
            lessons += 1
            // Down quickly and up slowly, so that it is a latency which most cohorts exceed; but the first one may
            // be off by chance either way.
            var share = excess < 0 ? 0.1 : min(0.02, time / 60)
            if lessons < 8, abs(excess) < 0.6 { share = max(share, 1 / lessons) }
            follow(cohort, share: share)
        }
        strikes = isSlow && isBusy ? strikes + 1 : 0
        guard strikes >= 2 else { return }
        strikes = 0
        cohortsSinceProbe = 0
        lastTouch = now
        reference = cohort
        // While most calls are answered too late, nobody is hurt by a limit as low as the gradient says.
        let share = cohort.late > 0.5 ? 2 * exp2(-excess) : cohort.isOverdue ? 0.5 : 0.7
        exactLimit = atLeastFloor(cohort.inFlight * min(0.7, share))
    }

    private mutating func follow(_ cohort: LatencyCohort.Summary, share: Double) {
        guard let old = usual else { return }
        usual = (
            old.latency + share * (cohort.latency - old.latency),
            old.inFlight + share * (cohort.inFlight - old.inFlight)
        )
    }

    // MARK: With a limit

    /// Compares a cohort to the one before the limit was lowered.
    ///
    /// - Returns: Whether the limit was taken back, since it hasn't helped.
    private mutating func judge(_ cohort: LatencyCohort.Summary, _ limit: Double) -> Bool {
        // Calls that time out hide how long they would have taken.
        guard let before = reference, cohort.inFlight <= 0.75 * before.inFlight, !cohort.isOverdue,
            !cohort.isCutShort
        else { return false }
        let less = log2(before.inFlight / cohort.inFlight)
        let gain = before.latency - cohort.latency
        let doubt = 2 * (cohort.error * cohort.error + before.error * before.error).squareRoot()
        if gain < 0.4 * less, less >= 1 || gain < less - doubt {
            usual = (cohort.latency, cohort.inFlight)
            reference = nil
            isReturning = true
            exactLimit = max(limit, 1.2 * before.inFlight)
            return true
        }
        if gain > 0.4 * less, gain > doubt { reference = nil }
        return false
    }

    private mutating func adjust(_ cohort: LatencyCohort.Summary, _ limit: Double) {
        guard let usual else { return }
        cohortsSinceProbe += 1
        if cohortsSinceProbe == Self.probeInterval {
            cohortsSinceProbe = 0
            limitBeforeProbe = limit
            exactLimit = atLeastFloor(0.45 * limit)
            return
        }
        // Calls that differ much need a longer queue to keep what is behind them busy.
        let target = usual.latency + Self.tolerance + min(1, 1.5 * cohort.error)
        let gradient = min(1, max(0.5, exp2(target - cohort.latency)))
        if gradient < 1 { isReturning = false }
        let more = isReturning ? limit : limit.squareRoot()
        let new = min(Self.highest, atLeastFloor(gradient * limit + more))
        if new < limit, reference == nil {
            reference = cohort
        } else if let before = reference, cohort.inFlight > before.inFlight {
            reference = nil
        }
        exactLimit = new
    }

    private mutating func removeLimit() {
        exactLimit = nil
        limitBeforeProbe = nil
        reference = nil
        isReturning = false
    }

    private func atLeastFloor(_ limit: Double) -> Double { max(Double(floor), limit) }

    // MARK: Figures

    /// By how much, as a binary logarithm, calls have to take longer than usual to be evidence of overload.
    private static let evidence = 1.0

    /// How many nanoseconds longer a call may take without harm to anybody.
    private static let imperceptible = 1e6

    /// The binary logarithm of how much longer than usual a call may take at the limit: 1.5 times.
    private static let tolerance = 0.585

    /// Without a call that had to wait for so many nanoseconds, the limit goes.
    private static let rest: Int64 = 10_000_000_000

    /// After how many cohorts the usual latency is measured again.
    private static let probeInterval = 20

    /// As many calls as nobody has in flight.
    private static let highest = 1e9
}

extension LatencyCohort.Summary {
    /// Whether so many calls came too late that nothing is to be learnt from the others.
    fileprivate var isOverdue: Bool { late > 0.2 }

    /// Whether the latency is what calls take.
    fileprivate var teaches: Bool { !isOverdue && !isCutShort }
}
