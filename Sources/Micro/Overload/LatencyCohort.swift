#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A sample of an endpoint's calls: some that begin one after another, each followed to its end.
///
/// Sampling by the *end* of calls would be biased: whatever has ended in a short time is short, and an endpoint whose
/// calls take between 1 ms and 5 s would look fast after each quiet moment. The members of a cohort are chosen when they
/// begin, before anybody knows how long they take, and the load is measured then as well: it is the load behind which
/// they queue.
///
/// The latency of a cohort is the geometric mean of its members' (the mean of the logarithms): a few calls that take a
/// hundred times as long as the others don't move it, and a queue that delays all of them does. The scatter comes with
/// it, so that a comparison of two cohorts shows how much of a difference is chance.
struct LatencyCohort {
    /// How many calls are in a cohort.
    static let size = 32

    /// How many of them have to end; those that still run by then count with the time that they have taken so far.
    static let quorum = 29

    /// The shortest time, in nanoseconds, from a cohort's beginning to its end.
    static let shortest: Int64 = 20_000_000

    /// The most that may be chosen, those that failed included, before a cohort is given up.
    private static let mostChosen = 4 * size

    /// What tells it from the cohorts before and after it.
    let generation: UInt32

    /// When its first member began.
    private(set) var begin: Int64

    private var members: [Member] = []
    private var ended = 0
    private var failed = 0
    private var late = 0
    private var logarithms = Sums()

    private struct Member {
        let begin: Int64
        let inFlight: Int
        var isDone = false
    }

    /// The sums from which a mean and its error are computed.
    private struct Sums {
        var sum = 0.0
        var squares = 0.0

        mutating func add(_ nanoseconds: Int64) {
            let value = log2(Double(max(nanoseconds, 1)))
            sum += value
            squares += value * value
        }
    }

    /// What tells a member of a cohort from all other calls.
    struct Ticket: Hashable, Sendable {
        fileprivate let generation: UInt32
        fileprivate let index: UInt32
    }

    /// How a member has ended.
    enum End: Hashable, Sendable {
        /// It was answered.
        case answered

        /// Nobody waited for it any more; it would have taken longer still.
        case late

        /// It failed, perhaps at once, which tells nothing of how long calls take.
        case failed
    }

    /// What a cohort has found.
    struct Summary: Hashable, Sendable {
        /// The binary logarithm of the latency in nanoseconds.
        var latency: Double

        /// The standard error of that.
        var error: Double

        /// The mean number of calls in flight when a member began, with itself.
        var inFlight: Double

        /// The share of the members for which nobody waited any more.
        var late: Double

        /// Whether so many members still run that the latency is too low.
        var isCutShort: Bool
    }

    /// Begins a cohort.
    ///
    /// - Parameters:
    ///   - generation: What tells it from others.
    ///   - begin: The present moment, in nanoseconds of some monotonic clock.
    init(generation: UInt32, begin: Int64) {
        self.generation = generation
        self.begin = begin
        members.reserveCapacity(Self.size)
    }

    private var count: Int { members.count - failed }

    /// Whether it has no member yet.
    var isEmpty: Bool { members.isEmpty }

    /// Whether it takes no more members.
    var isFull: Bool { count >= Self.size }

    /// Whether so many of its members have failed that there is nothing to be learnt from it.
    var isSpoilt: Bool { members.count >= Self.mostChosen && !isFull }

    /// Puts a call in that begins, if there is room.
    ///
    /// - Parameters:
    ///   - now: The present moment.
    ///   - inFlight: The number of calls in flight, with this one.
    /// - Returns: What it is known by.
    mutating func add(at now: Int64, inFlight: Int) -> Ticket? {
        guard !isFull, members.count < Self.mostChosen else { return nil }
        if members.isEmpty { begin = now }
        members.append(Member(begin: now, inFlight: inFlight))
        return Ticket(generation: generation, index: UInt32(members.count - 1))
    }

    /// Records the end of a member; the end of any other call changes nothing.
    ///
    /// - Parameters:
    ///   - ticket: What the member is known by.
    ///   - now: The present moment.
    ///   - end: How it has ended.
    ///   - usual: How long a call usually takes, in nanoseconds: one that was given up before, as the slower of two
    ///     hedged calls is, tells nothing.
    mutating func end(_ ticket: Ticket, at now: Int64, _ end: End, usual: Double) {
        let index = Int(ticket.index)
        guard ticket.generation == generation, members.indices.contains(index), !members[index].isDone else {
            return
        }
        members[index].isDone = true
        // A clock that went back has measured nothing.
        let time = Double(now) - Double(members[index].begin)
        guard time >= 0, end == .answered || end == .late && time > usual else {
            failed += 1
            return
        }
        ended += 1
        if end == .late { late += 1 }
        logarithms.add(now - members[index].begin)
    }

    /// What it has found, once enough of its members have ended.
    ///
    /// - Parameters:
    ///   - now: The present moment.
    ///   - patience: After how long it ends all the same, in nanoseconds.
    /// - Returns: What it has found; `nil` if it is too early.
    func summary(at now: Int64, patience: Int64) -> Summary? {
        guard isFull, now - begin >= Self.shortest, ended >= Self.quorum || now - begin >= patience else {
            return nil
        }
        var logarithms = logarithms
        var inFlight = 0
        for member in members {
            if !member.isDone { logarithms.add(now - member.begin) }
            inFlight += member.inFlight
        }
        let count = Double(count)
        let mean = logarithms.sum / count
        let variance = max(0, logarithms.squares / count - mean * mean)
        return Summary(
            latency: mean, error: (variance / count).squareRoot(),
            inFlight: Double(inFlight) / Double(members.count), late: Double(late) / count,
            isCutShort: ended < Self.quorum)
    }
}
