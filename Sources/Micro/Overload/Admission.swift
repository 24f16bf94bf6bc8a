internal import Logging
import MicroCore
internal import Synchronization

/// Lets the calls of one endpoint in, or refuses them.
///
/// A call is looked at twice. When its head is there, it is refused at once if that is clear already: before anything
/// is decoded, a task started, or its request read. When its request is there, it takes a place, or waits for one; the
/// request may never come, so no place is taken before.
final class Admission: Sendable {
    /// What all endpoints of a service share.
    struct Shared: Sendable {
        var concurrency: ConcurrencyLimit?
        var rate: TokenBucket?
        var callers: CallerBuckets?
    }

    private let gate: EndpointGate?
    private let shared: Shared
    private let rate: TokenBucket?
    private let callers: CallerBuckets?
    private let refusals: Refusals

    /// Whether there are rates, for which the clock has to be read.
    private let hasRates: Bool

    init(gate: EndpointGate?, limits: CallLimits, shared: Shared, refusals: Refusals) {
        self.gate = gate
        self.shared = shared
        self.refusals = refusals
        rate = limits.rate.map(TokenBucket.init)
        callers = limits.callerRate.map(CallerBuckets.init)
        hasRates = rate != nil || callers != nil || shared.rate != nil || shared.callers != nil
    }

    /// What it does at the moment.
    var statistics: OverloadStatistics {
        let now = gate?.limitAndQueue
        return OverloadStatistics(
            inFlight: gate?.inFlight ?? 0, limit: now?.limit, queued: now?.queued ?? 0,
            refused: refusals.refused)
    }

    // MARK: When the head is there

    /// Returns the error for a call that is refused at once.
    @inline(__always) func refusal(of head: CallHead) -> MicroError? {
        if let gate, gate.isBusy, let error = refusal(of: head, gate) { return error }
        if let limit = shared.concurrency, limit.isReached { return refuse(.concurrency) }
        return hasRates ? refusalByRate(head) : nil
    }

    private func refusal(of head: CallHead, _ gate: EndpointGate) -> MicroError? {
        gate.refusal(of: Criticality(head.metadata), deadline: head.uptimeDeadline).map { refuse($0) }
    }

    private func refusalByRate(_ head: CallHead) -> MicroError? {
        let now = Uptime.now.nanoseconds
        // The caller's own first, so that one caller doesn't use up what all have.
        if callers != nil || shared.callers != nil {
            let caller = head.peer?.identities.first ?? head.metadata["micro-from-service"] ?? ""
            if let wait = callers?.take(caller, at: now) ?? shared.callers?.take(caller, at: now) {
                return refusals.refuse(.callerRate, at: now, wait: wait)
            }
        }
        if let wait = rate?.take(at: now) ?? shared.rate?.take(at: now) {
            return refusals.refuse(.rate, at: now, wait: wait)
        }
        return nil
    }

    private func refuse(_ reason: RefusalReason) -> MicroError {
        refusals.refuse(reason, at: Uptime.now.nanoseconds)
    }

    // MARK: When the request is there

    /// Lets a call in at once, if there is room; then ``leave(_:_:isAnswered:)`` has to follow.
    ///
    /// It belongs into what runs for the call: a function of its own around that would cost more than all else here.
    ///
    /// - Parameter ticket: What the call is known by, if it is measured.
    /// - Returns: Whether it is in.
    @inline(__always) func enter(_ ticket: inout EndpointGate.Ticket?) -> Bool {
        if let gate, !gate.enter(&ticket) { return false }
        guard let limit = shared.concurrency, !limit.enter() else { return true }
        gate?.leave(ticket, .failed)
        ticket = nil
        return false
    }

    /// Waits until a call may come in; then ``leave(_:_:isAnswered:)`` has to follow.
    ///
    /// - Parameter head: What the call has said.
    /// - Returns: What the call is known by, if it is measured.
    /// - Throws: Why it is refused.
    func wait(_ head: CallHead) async throws(MicroError) -> EndpointGate.Ticket? {
        var ticket: EndpointGate.Ticket?
        if let gate { ticket = try await wait(gate, head) }
        guard let limit = shared.concurrency, !limit.enter() else { return ticket }
        gate?.leave(ticket, .failed)
        throw refuse(.concurrency)
    }

    /// Records that a call has ended which was let in.
    ///
    /// - Parameters:
    ///   - ticket: What it is known by.
    ///   - head: What it has said.
    ///   - isAnswered: Whether it has succeeded.
    @inline(__always) func leave(_ ticket: EndpointGate.Ticket?, _ head: CallHead, isAnswered: Bool) {
        shared.concurrency?.leave()
        gate?.leave(ticket, Self.end(head, isAnswered))
    }

    private static func end(_ head: CallHead, _ isAnswered: Bool) -> LatencyCohort.End {
        // A caller who is gone cancels the task.
        if head.isOverdue || (!isAnswered && Task.isCancelled) { return .late }
        return isAnswered ? .answered : .failed
    }

    /// Returns what to run for unary calls, with the limits around it, where that costs little beside what it does.
    func limiting(_ run: @escaping UnaryRun) -> UnaryRun {
        { [self] head, message async throws(MicroError) in
            var ticket: EndpointGate.Ticket?
            if !enter(&ticket) { ticket = try await wait(head) }
            do throws(MicroError) {
                let reply = try await run(head, message)
                leave(ticket, head, isAnswered: true)
                return reply
            } catch {
                leave(ticket, head, isAnswered: false)
                throw error
            }
        }
    }

    /// Returns what to run for streaming calls, with the limits around it; unary ones have them inside.
    func limiting(_ decision: CallDecision) -> CallDecision {
        switch decision {
        case .serverStream(let run, let policy):
            .serverStream(
                { [self] head, message, stream async throws(MicroError) in
                    try enterStream()
                    defer { leaveStream() }
                    return try await run(head, message, stream)
                }, policy)
        case .stream(let run, let policy):
            .stream(
                { [self] head, stream async throws(MicroError) in
                    try enterStream()
                    defer { leaveStream() }
                    return try await run(head, stream)
                }, policy)
        case .unary, .refuse: decision
        }
    }

    private func wait(_ gate: EndpointGate, _ head: CallHead) async throws(MicroError) -> EndpointGate.Ticket?
    {
        do throws(EndpointGate.Refused) {
            return try await gate.wait(Criticality(head.metadata), deadline: head.uptimeDeadline)
        } catch {
            throw error.reason.map { refuse($0) }
                ?? MicroError(.cancelled, "The call was over before its turn came.", processed: .no)
        }
    }

    /// Lets a stream in.
    ///
    /// It isn't measured, since it takes as long as its two sides like, and doesn't wait.
    ///
    /// - Throws: The refusal, if there is no place.
    private func enterStream() throws(MicroError) {
        var ticket: EndpointGate.Ticket?
        if let limit = shared.concurrency, !limit.enter() { throw refuse(.concurrency) }
        if let gate, !gate.enter(&ticket) {
            shared.concurrency?.leave()
            throw refuse(.concurrency)
        }
    }

    private func leaveStream() {
        gate?.leave(nil, .answered)
        shared.concurrency?.leave()
    }
}

/// How many calls may be in flight, without a queue.
final class ConcurrencyLimit: Sendable {
    private let limit: Int
    private let count = Atomic(0)

    init(_ limit: Int) { self.limit = limit }

    /// Whether no more calls may come in now.
    var isReached: Bool { count.load(ordering: .relaxed) >= limit }

    /// Lets a call in, if there is a place for it.
    func enter() -> Bool {
        guard count.wrappingAdd(1, ordering: .relaxed).oldValue >= limit else { return true }
        leave()
        return false
    }

    /// Records that a call has ended which was let in.
    func leave() { count.wrappingSubtract(1, ordering: .relaxed) }
}

extension CallHead {
    /// Whether nobody waits for the answer any more.
    fileprivate var isOverdue: Bool { uptimeDeadline.map { $0 < .now } ?? false }
}
