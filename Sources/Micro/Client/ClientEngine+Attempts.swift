import MicroCore
internal import Synchronization

/// An attempt that did not succeed.
struct FailedAttempt {
    let choice: NodeSnapshot.Choice
    let error: MicroError

    /// Whether another node may well be ready at once.
    var canGoElsewhere: Bool { choice.hasOthers && error.isUnprocessed }

    /// Whether the next attempt is none of the retries that the call may have: this one reached nobody, so it was no
    /// burden for the service, and there are nodes that the call has not tried.
    var isFree: Bool { choice.hasOthers && error.processed == .no && error.status == .unavailable }
}

/// The attempts of one call so far.
private struct AttemptHistory {
    /// The nodes that were tried.
    var tried: [String] = []

    /// The retries that the call has had.
    var retries = 0

    /// The retries that have waited longer each time; a server that says how long to wait begins anew.
    var delays = 0
}

extension ClientEngine {
    /// The metadata field by which a server learns that it, or another node, has seen the call before (gRFC A6).
    static let previousAttempts = "grpc-previous-rpc-attempts"

    /// Begins an attempt, if anything of it is to be measured.
    func begin(_ choice: NodeSnapshot.Choice, isConnected: Bool = false) -> NodeAttempt? {
        guard choice.isSelected else { return nil }
        return NodeAttempt(choice, choice.selection ?? selection, isConnected: isConnected)
    }

    /// Ends an attempt, if there is one that is measured.
    func finish(
        _ ticket: inout NodeAttempt?, _ route: CallRoute, _ error: MicroError?, isStream: Bool = false
    ) {
        guard let attempt = ticket.take() else { return }
        let failed = attempt.finish(
            error, isStream: isStream, service: service(route), endpoint: route.endpoint)
        if let failed { route.entry.load()?.failedInARow(failed.failures, failed.slot) }
    }

    /// Does something on a connection of a service, once or more often.
    ///
    /// That there is no node to call ends the call. What is tried again is an attempt on a node.
    ///
    /// - Parameters:
    ///   - route: Where the call goes.
    ///   - options: How it is made.
    ///   - head: What it says before its first message.
    ///   - deadline: Until when it may be tried.
    ///   - ticket: The attempt that succeeded, for the caller to finish.
    ///   - choice: Where the first attempt goes, if that was chosen already.
    ///   - failed: That attempt, if it was made already.
    ///   - body: What to do on a connection, with what the attempt says before its first message.
    /// - Returns: What the closure returned.
    /// - Throws: The error of the last attempt, or why there is no node.
    func attempt<Answer>(
        _ route: CallRoute, _ options: CallOptions, _ head: CallHead, _ deadline: ContinuousClock.Instant,
        _ ticket: inout NodeAttempt?, choice: NodeSnapshot.Choice? = nil, failed: FailedAttempt? = nil,
        _ body: (any Connection, CallHead) async throws(MicroError) -> Answer
    ) async throws(MicroError) -> Answer {
        var head = head
        var history = AttemptHistory()
        var (next, failed) = (choice, failed)
        while true {
            if let failure = failed {
                try await pause(after: failure, &history, route, options, deadline)
                route.retried(after: failure.error)
                if history.retries > 0 { head.metadata[Self.previousAttempts] = "\(history.retries)" }
                next = nil
            }
            let choice: NodeSnapshot.Choice
            if let next {
                choice = next
            } else {
                choice = try await choose(route, options, head, deadline, avoiding: history.tried)
            }
            ticket = begin(choice)
            do {
                let connection = try await choice.slot.connection(deadline: deadline)
                ticket?.connected()
                return try await body(connection, head)
            } catch {
                finish(&ticket, route, error)
                failed = FailedAttempt(choice: choice, error: error)
            }
        }
    }

    /// Waits before the next attempt.
    ///
    /// - Parameters:
    ///   - failed: The attempt that failed.
    ///   - history: The attempts so far, to which it is added.
    ///   - route: Where the call goes.
    ///   - options: How it is made.
    ///   - deadline: Until when it may be tried.
    /// - Throws: The error of the attempt that failed, if there is to be no other.
    private func pause(
        after failed: FailedAttempt, _ history: inout AttemptHistory, _ route: CallRoute,
        _ options: CallOptions, _ deadline: ContinuousClock.Instant
    ) async throws(MicroError) {
        history.tried.append(failed.choice.slot.node.id)
        let policy = retryPolicy(route, options)
        guard policy.allows(failed.error), !Task.isCancelled else { throw failed.error }
        var pause = Duration.zero
        switch failed.error.retryPushback {
        case .never:
            throw failed.error
        case .after(let delay):
            pause = delay
            history.delays = 0
        case nil where !failed.canGoElsewhere:
            pause = policy.delay(history.delays)
            history.delays += 1
        case nil: break
        }
        guard ContinuousClock.now + pause < deadline else { throw failed.error }
        if !failed.isFree {
            let limit = options.retries ?? policy.attempts.map { $0 - 1 } ?? settings.retries
            guard history.retries < limit, mayRetry(route, failed.choice) else { throw failed.error }
            history.retries += 1
        }
        if pause > .zero, (try? await time.sleep(for: pause)) == nil { throw failed.error }
    }

    private func retryPolicy(_ route: CallRoute, _ options: CallOptions) -> RetryPolicy {
        options.retry ?? route.policy.retry ?? (route.isIdempotent ? .idempotent : .unprocessed)
    }

    /// Takes a retry out of the service's budget.
    ///
    /// - Parameters:
    ///   - route: Where the call goes.
    ///   - choice: Where the last attempt went.
    /// - Returns: Whether there was one.
    func mayRetry(_ route: CallRoute, _ choice: NodeSnapshot.Choice) -> Bool {
        let now = Uptime(time.now)
        let isWithinBudget =
            if choice.isSelected, let entry = route.entry.load() {
                entry.budget.withdraw(now: now, service: entry.service) { entry.uses }
            } else {
                addressBudget.withdraw(now: now, service: route.service) { choice.slot.uses }
            }
        if !isWithinBudget { route.instruments?.leftRetryOut() }
        return isWithinBudget
    }
}
