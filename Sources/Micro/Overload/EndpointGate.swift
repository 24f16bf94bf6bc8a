import MicroCore
import MicroPluginKit
internal import Synchronization

/// Counts the calls of an endpoint that are in flight, and lets no more in than may be.
///
/// A call that finds a place pays two atomic operations and no lock. All else, which is the unusual case, happens under
/// one lock: queueing, and the measuring of a few calls, so chosen that there are never more than some thousand in a
/// second.
final class EndpointGate: Sendable {
    typealias Ticket = LatencyCohort.Ticket

    /// How many calls may be in flight and wait.
    struct Bounds: Hashable, Sendable {
        /// The limit that somebody has set, if there is one.
        var concurrency: Int?

        /// The adaptive limit never falls below this one; without it there is no adaptive limit.
        var adaptiveFloor: Int?

        /// How many calls of each class may wait.
        var queue: Int
    }

    /// How the wait of a call ends.
    private enum Turn: Sendable {
        case admitted(Ticket?)
        case refused(RefusalReason)
        case cancelled
    }

    private typealias Queue = AdmissionQueue<Waiter<Turn>>

    private struct State {
        var controller: ConcurrencyController?
        var cohort: LatencyCohort
        var queue: Queue

        /// Whether a call had to wait, or was refused, since the cohort began.
        var isTouched = false

        /// What tells how many calls were begun, and were in flight, when the cohort began.
        var countsAtBegin: Counts = Counts(0)

        /// How many calls ended in a second of the cohort before.
        var throughput: Double?
    }

    /// How many calls were begun, modulo 2³², and how many of them are in flight, in one number.
    private struct Counts {
        static let begun: UInt64 = 1 << 32
        let number: UInt64

        init(_ number: UInt64) { self.number = number }

        var inFlight: UInt64 { number & 0xFFFF_FFFF }
        var total: UInt32 { UInt32(truncatingIfNeeded: number >> 32) }
    }

    private let bounds: Bounds
    private let clock: @Sendable () -> Int64
    private let counts = Atomic<UInt64>(0)

    /// From how many calls in flight on a call takes the slow way: the limit, or 0 while others wait.
    private let threshold: Atomic<UInt64>

    /// Which calls are measured: those whose number has none of these bits.
    private let mask = Atomic<UInt64>(0)
    private let state: Mutex<State>

    /// Creates a gate.
    ///
    /// - Parameters:
    ///   - bounds: How many calls may be in flight and wait.
    ///   - clock: A monotonic clock, in nanoseconds.
    init(_ bounds: Bounds, clock: @escaping @Sendable () -> Int64 = { Uptime.now.nanoseconds }) {
        self.bounds = bounds
        self.clock = clock
        threshold = Atomic(bounds.concurrency.map { UInt64(max(0, $0)) } ?? .max)
        if bounds.adaptiveFloor == nil { mask.store(.max, ordering: .relaxed) }
        state = Mutex(
            State(
                controller: bounds.adaptiveFloor.map { ConcurrencyController(floor: $0) },
                cohort: LatencyCohort(generation: 0, begin: clock()),
                queue: AdmissionQueue(capacity: bounds.queue)))
    }

    /// The number of calls in flight.
    var inFlight: Int { Int(Counts(counts.load(ordering: .relaxed)).inFlight) }

    /// The limit that holds now, and the number of calls that wait.
    var limitAndQueue: (limit: Int?, queued: Int) {
        state.withLock { (limit(of: $0), $0.queue.count) }
    }

    // MARK: A call

    /// Whether a call that arrives now would have to wait, or be refused.
    @inline(__always) var isBusy: Bool {
        Counts(counts.load(ordering: .relaxed)).inFlight >= threshold.load(ordering: .relaxed)
    }

    /// Returns why a call that has arrived should be refused at once, if it should.
    ///
    /// - Parameters:
    ///   - criticality: How much the call matters.
    ///   - deadline: When nobody waits for its answer any more.
    /// - Returns: Why; `nil` if it may go on.
    func refusal(of criticality: Criticality, deadline: Uptime?) -> RefusalReason? {
        let now = clock()
        return state.withLock { state in
            // A place may have become free meanwhile; who waits goes before.
            guard !state.queue.isEmpty || isBusy else { return nil }
            state.isTouched = true
            return refusal(of: criticality, deadline, at: now, &state)
        }
    }

    /// Lets a call in if there is a place; then ``leave(_:_:)`` has to follow.
    ///
    /// - Parameter ticket: What the call is known by, if it is measured.
    /// - Returns: Whether it is in.
    @inline(__always) func enter(_ ticket: inout Ticket?) -> Bool {
        let old = counts.wrappingAdd(Counts.begun + 1, ordering: .acquiringAndReleasing).oldValue
        let counts = Counts(old)
        guard counts.inFlight < threshold.load(ordering: .acquiring) else {
            undoEntry()
            return false
        }
        if UInt64(counts.total) & mask.load(ordering: .relaxed) == 0 {
            ticket = begin(inFlight: Int(counts.inFlight) + 1)
        }
        return true
    }

    /// Waits until there is a place; then ``leave(_:_:)`` has to follow.
    ///
    /// - Parameters:
    ///   - criticality: How much the call matters.
    ///   - deadline: When nobody waits for its answer any more.
    /// - Returns: What the call is known by, if it is measured.
    /// - Throws: A ``Refused`` if it can't wait.
    func wait(_ criticality: Criticality, deadline: Uptime?) async throws(Refused) -> Ticket? {
        let turn = await withWaiter(cancelled: Turn.cancelled) { waiter in
            enqueue(waiter, criticality, deadline)
        } remove: { id in
            take(id)
        }
        switch turn {
        case .admitted(let ticket):
            guard !Task.isCancelled else {
                leave(ticket, .failed)
                throw Refused(reason: nil)
            }
            return ticket
        case .refused(let reason): throw Refused(reason: reason)
        case .cancelled: throw Refused(reason: nil)
        }
    }

    /// A call is not let in.
    struct Refused: Error {
        /// Why; `nil` if nobody waits for it any more.
        let reason: RefusalReason?
    }

    /// Records that a call has ended which was let in.
    ///
    /// - Parameters:
    ///   - ticket: What it is known by.
    ///   - end: How it has ended, called only if it was measured.
    @inline(__always) func leave(_ ticket: Ticket?, _ end: @autoclosure () -> LatencyCohort.End) {
        counts.wrappingSubtract(1, ordering: .acquiringAndReleasing)
        if let ticket {
            finish(ticket, end())
        } else if threshold.load(ordering: .acquiring) == 0 {
            letOthersIn()
        }
    }

    // MARK: Under the lock

    private func undoEntry() { counts.wrappingSubtract(Counts.begun + 1, ordering: .acquiringAndReleasing) }

    private func begin(inFlight: Int) -> Ticket? {
        let now = clock()
        return change { state in begin(at: now, inFlight: inFlight, &state) }
    }

    private func finish(_ ticket: Ticket, _ end: LatencyCohort.End) {
        let now = clock()
        change { state in
            state.cohort.end(ticket, at: now, end, usual: state.controller?.usualLatency ?? 0)
            endCohort(at: now, &state)
        }
    }

    private func letOthersIn() { change { _ in } }

    private func enqueue(
        _ waiter: Waiter<Turn>, _ criticality: Criticality, _ deadline: Uptime?
    ) -> Turn? {
        let now = clock()
        return change { state -> Turn? in
            state.isTouched = true
            if state.queue.isEmpty, let counts = claim(&state) {
                return .admitted(sample(counts, at: now, &state))
            }
            if let reason = refusal(of: criticality, deadline, at: now, &state) { return .refused(reason) }
            state.queue.append(
                waiter, criticality, deadline: deadline?.nanoseconds, at: now, pace(state))
            return nil
        }
    }

    private func take(_ id: WaiterID) -> Waiter<Turn>? {
        change { state in state.queue.remove { $0.caller.id == id }.first?.caller }
    }

    /// Changes the state, and lets in who may come in then.
    private func change<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
        let (result, turns) = state.withLock { state -> (Result, [(Waiter<Turn>, Turn)]) in
            let result = body(&state)
            return (result, admitWaiting(&state))
        }
        // Outside the lock, see `withWaiter`.
        for (waiter, turn) in turns { waiter.resume(returning: turn) }
        return result
    }

    private func admitWaiting(_ state: inout State) -> [(Waiter<Turn>, Turn)] {
        guard !state.queue.isEmpty else {
            publish(state)
            return []
        }
        let now = clock()
        // Who comes now has to see that others wait, or they would have to see who leaves now; see `claim`.
        threshold.store(0, ordering: .releasing)
        var turns: [(Waiter<Turn>, Turn)] = []
        for entry in state.queue.removeLate(at: now) { turns.append((entry.caller, .refused(.overload))) }
        while !state.queue.isEmpty, let counts = claim(&state) {
            guard let entry = state.queue.popFirst() else { break }
            if entry.latestStart < now {
                undoEntry()
                turns.append((entry.caller, .refused(.overload)))
            } else {
                turns.append((entry.caller, .admitted(sample(counts, at: now, &state))))
            }
        }
        publish(state)
        return turns
    }

    /// Takes a place, if there is one.
    ///
    /// Nobody is forgotten: either this sees that a call has left, or the call sees the threshold of 0 that was stored
    /// before, since both change the same number and one of them does so first. Who changes it and takes it back has no
    /// place, comes here next, and lets others in.
    private func claim(_ state: inout State) -> Counts? {
        let old = counts.wrappingAdd(Counts.begun + 1, ordering: .acquiringAndReleasing).oldValue
        let counts = Counts(old)
        if let limit = limit(of: state), counts.inFlight >= UInt64(max(0, limit)) {
            undoEntry()
            return nil
        }
        return counts
    }

    private func publish(_ state: State) {
        let limit = limit(of: state).map { UInt64(max(0, $0)) } ?? .max
        threshold.store(state.queue.isEmpty ? limit : 0, ordering: .releasing)
    }

    private func limit(of state: State) -> Int? {
        guard let adaptive = state.controller?.limit else { return bounds.concurrency }
        return bounds.concurrency.map { min($0, adaptive) } ?? adaptive
    }

    private func refusal(
        of criticality: Criticality, _ deadline: Uptime?, at now: Int64, _ state: inout State
    ) -> RefusalReason? {
        let reason = state.queue.refusal(
            of: criticality, deadline: deadline?.nanoseconds, at: now, pace(state))
        return reason == .overload && limit(of: state) == bounds.concurrency ? .concurrency : reason
    }

    private func pace(_ state: State) -> Queue.Pace {
        Queue.Pace(throughput: state.throughput, latency: state.controller?.usualLatency)
    }

    // MARK: Measuring

    private func sample(_ counts: Counts, at now: Int64, _ state: inout State) -> Ticket? {
        guard UInt64(counts.total) & mask.load(ordering: .relaxed) == 0 else { return nil }
        return begin(at: now, inFlight: Int(counts.inFlight) + 1, &state)
    }

    private func begin(at now: Int64, inFlight: Int, _ state: inout State) -> Ticket? {
        guard state.controller != nil else { return nil }
        endCohort(at: now, &state)
        if state.cohort.isEmpty { state.countsAtBegin = Counts(counts.load(ordering: .relaxed)) }
        let ticket = state.cohort.add(at: now, inFlight: inFlight)
        // Calls have become rare.
        if now - state.cohort.begin > 1_000_000_000, !state.cohort.isFull {
            mask.store(mask.load(ordering: .relaxed) >> 3, ordering: .relaxed)
        }
        return ticket
    }

    /// Ends the cohort if it is time to, and begins another one.
    private func endCohort(at now: Int64, _ state: inout State) {
        guard var controller = state.controller else { return }
        let summary = state.cohort.summary(at: now, patience: controller.patience)
        guard summary != nil || state.cohort.isSpoilt || now < state.cohort.begin else { return }
        let counts = Counts(counts.load(ordering: .relaxed))
        if let summary {
            measureThroughput(counts, at: now, &state)
            controller.learn(summary, at: now, isTouched: state.isTouched)
            state.controller = controller
        }
        state.isTouched = !state.queue.isEmpty
        state.cohort = LatencyCohort(generation: state.cohort.generation &+ 1, begin: now)
    }

    private func measureThroughput(_ counts: Counts, at now: Int64, _ state: inout State) {
        let seconds = Double(now - state.cohort.begin) / 1e9
        let begun = Double(counts.total &- state.countsAtBegin.total)
        let more = Double(counts.inFlight) - Double(state.countsAtBegin.inFlight)
        guard seconds > 0 else { return }
        state.throughput = max(0, begun - more) / seconds
        // Twice as many calls are measured as fit in the shortest cohort, at most.
        let wanted = Double(2 * LatencyCohort.size) / (Double(LatencyCohort.shortest) / 1e9)
        var mask: UInt64 = 0
        while begun / seconds / Double(mask + 1) > wanted, mask < 0xFFFF { mask = mask << 1 | 1 }
        self.mask.store(mask, ordering: .relaxed)
    }
}
