import MicroCore

extension ClientEngine {
    /// How one of the attempts at once went, or what else has happened.
    private enum HedgeEvent: Sendable {
        case ended(Result<UnaryReply, MicroError>)

        /// A wait is over.
        case due(_ turn: Int)
    }

    /// Makes a call with one message each way, with several attempts at once if the first is not answered soon (gRFC
    /// A6, "Hedging Policy").
    ///
    /// - Returns: The first answer; what is in progress beside it is cancelled.
    func hedged(
        _ route: CallRoute, _ message: EncodedMessage, _ options: CallOptions, _ policy: HedgingPolicy,
        _ head: CallHead, _ deadline: ContinuousClock.Instant
    ) async throws(MicroError) -> UnaryReply {
        var once = options
        once.hedging = nil
        once.retries = 0
        let first = try await choose(route, once, head, deadline, avoiding: [])
        let run = HedgedCall(route: route, message: message, deadline: deadline)
        let outcome = await withTaskGroup(of: HedgeEvent.self) { group -> Result<UnaryReply, MicroError> in
            // The attempts of the call and the wait for the next one: all end with the group, which ends with the call.
            defer { group.cancelAll() }
            var (started, running) = (1, 1)
            // Which wait counts: a server that asks for a pause puts another one in its place.
            var turn = 1
            var tried = [first.slot.node.id]
            var mayGoOn = true
            var failure: MicroError?
            group.addTask { await self.hedge(run, head, first) }
            group.addTask { await self.hedgeTimer(policy.delay, turn: 1) }
            while let event = await group.next() {
                var isDue = false
                switch event {
                case .ended(.success(let reply)):
                    return .success(reply)
                case .ended(.failure(let error)):
                    running -= 1
                    failure = error
                    guard policy.survives(error) else { return .failure(error) }
                    switch error.retryPushback {
                    case .never: mayGoOn = false
                    case .after(let delay) where ContinuousClock.now + delay < deadline:
                        turn += 1
                        let turn = turn
                        group.addTask { await self.hedgeTimer(delay, turn: turn) }
                    case .after: mayGoOn = false
                    case nil: isDue = true
                    }
                case .due(let wait):
                    isDue = wait == turn
                }
                if isDue, mayGoOn, started < policy.attempts, !Task.isCancelled, mayRetry(route, first),
                    let choice = try? await choose(route, once, head, deadline, avoiding: tried)
                {
                    tried.append(choice.slot.node.id)
                    route.retried(after: failure)
                    var head = head
                    head.metadata[Self.previousAttempts] = "\(started)"
                    started += 1
                    running += 1
                    turn += 1
                    let (wait, copy) = (turn, head)
                    group.addTask { await self.hedge(run, copy, choice) }
                    group.addTask { await self.hedgeTimer(policy.delay, turn: wait) }
                }
                // Nothing is in progress, and nothing will be unless a server has asked for a pause.
                if running == 0, !mayGoOn || started >= policy.attempts || isDue { break }
            }
            return .failure(failure ?? ClientErrors.cancelled())
        }
        return try outcome.get()
    }

    /// What the attempts of a call have in common.
    private struct HedgedCall: Sendable {
        let route: CallRoute
        let message: EncodedMessage
        let deadline: ContinuousClock.Instant
    }

    private func hedge(
        _ call: HedgedCall, _ head: CallHead, _ choice: NodeSnapshot.Choice
    ) async -> HedgeEvent {
        var ticket = begin(choice)
        do {
            let connection = try await choice.slot.connection(deadline: call.deadline)
            ticket?.connected()
            let reply = try await connection.unary(head, call.message)
            finish(&ticket, call.route, nil)
            return .ended(.success(reply))
        } catch {
            finish(&ticket, call.route, error)
            return .ended(.failure(error))
        }
    }

    private func hedgeTimer(_ delay: Duration, turn: Int) async -> HedgeEvent {
        // Cancelled when the call has ended: then nobody asks any more.
        try? await time.sleep(for: delay)
        return .due(turn)
    }
}
