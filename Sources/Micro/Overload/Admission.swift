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

    /// Returns what to run for calls, with the limits around it.
    func limiting(_ decision: CallDecision) -> CallDecision {
        switch decision {
        case .unary(let run, let policy): .unary(limiting(limitingService(run)), policy)
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
        case .refuse: decision
        }
    }

    private func limiting(_ run: @escaping UnaryRun) -> UnaryRun {
        guard let gate else { return run }
        return { [self] head, message async throws(MicroError) in
            var ticket: EndpointGate.Ticket?
            if !gate.enter(&ticket) { ticket = try await wait(gate, head) }
            do throws(MicroError) {
                let reply = try await run(head, message)
                gate.leave(ticket, head.isOverdue ? .late : .answered)
                return reply
            } catch {
                gate.leave(ticket, error.isLate || head.isOverdue ? .late : .failed)
                throw error
            }
        }
    }

    private func limitingService(_ run: @escaping UnaryRun) -> UnaryRun {
        guard let limit = shared.concurrency else { return run }
        return { [self] head, message async throws(MicroError) in
            guard limit.enter() else { throw refuse(.concurrency) }
            defer { limit.leave() }
            return try await run(head, message)
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

extension MicroError {
    /// Whether a call has ended since nobody waited for it any more.
    fileprivate var isLate: Bool { status == .cancelled || status == .deadlineExceeded }
}
