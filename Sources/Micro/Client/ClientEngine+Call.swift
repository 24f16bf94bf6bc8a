import MicroCore
internal import Synchronization

extension ClientEngine {
    /// Returns the moment at which a call ends at the latest.
    ///
    /// - Parameters:
    ///   - options: How the call is made.
    ///   - bound: The deadline of the call that is being answered.
    ///   - defaultTimeout: The limit if the options have none.
    /// - Returns: The moment, or `nil` for a call without limit.
    func deadline(
        _ options: CallOptions, bound: ContinuousClock.Instant?, defaultTimeout: Duration?
    ) -> ContinuousClock.Instant? {
        var deadline = (options.timeout ?? defaultTimeout).map { ContinuousClock.Instant.after($0) }
        if let limit = options.deadline { deadline = min(deadline ?? limit, limit) }
        if let bound { deadline = min(deadline ?? bound, bound) }
        return deadline
    }

    /// Returns the metadata of a call: the caller's, and that of the service which owns the client.
    func outgoing(_ metadata: Metadata) -> Metadata {
        if metadata.isEmpty { return self.metadata }
        guard !self.metadata.isEmpty else { return metadata }
        var all = metadata
        for (name, value) in self.metadata where all[name] == nil { all.add(value, for: name) }
        return all
    }

    /// Makes a call with one message each way, with as many attempts as it may have.
    func unary(
        _ route: CallRoute, _ message: EncodedMessage, _ options: CallOptions,
        deadline: ContinuousClock.Instant,
        metadata: Metadata
    ) async throws(MicroError) -> UnaryReply {
        let head = CallHead(
            path: route.path(options), contentSubtype: route.subtype, metadata: metadata, deadline: deadline,
            compression: options.compression ?? settings.compression)
        // The usual case, straight: a service whose nodes are known, and an open connection.
        let choice = try chooseKnown(route, options, head, avoiding: [])
        var failed: FailedAttempt?
        var ticket: SelectionTicket?
        if let choice, let connection = choice.slot.openConnection {
            ticket = begin(choice)
            do {
                let reply = try await connection.unary(head, message)
                finish(&ticket, route, nil)
                return reply
            } catch {
                finish(&ticket, route, error)
                failed = FailedAttempt(choice: choice, error: error)
            }
        }
        let reply = try await attempt(route, options, head, deadline, &ticket, choice: choice, failed: failed)
        {
            connection throws(MicroError) in
            try await connection.unary(head, message)
        }
        finish(&ticket, route, nil)
        return reply
    }

    /// Begins a streaming call, with as many attempts as that may have.
    ///
    /// - Parameters:
    ///   - route: Where the call goes.
    ///   - options: How it is made.
    ///   - deadline: When it ends at the latest.
    ///   - metadata: What goes with it.
    ///   - ticket: The attempt that succeeded, to be finished when the call has ended.
    /// - Returns: The open call.
    /// - Throws: Why it could not be opened.
    func open(
        _ route: CallRoute, _ options: CallOptions, deadline: ContinuousClock.Instant?, metadata: Metadata,
        ticket: inout SelectionTicket?
    ) async throws(MicroError) -> any ClientCallStream {
        let head = CallHead(
            path: route.path(options), contentSubtype: route.subtype, metadata: metadata, deadline: deadline,
            compression: options.compression ?? settings.compression)
        let setup = ContinuousClock.now + settings.requestTimeout
        return try await attempt(route, options, head, min(deadline ?? setup, setup), &ticket) {
            connection throws(MicroError) in
            try await connection.open(head)
        }
    }

    private typealias Choice = NodeSnapshot.Choice

    /// Begins an attempt, if the selector wants anything of it to be measured.
    private func begin(_ choice: Choice) -> SelectionTicket? {
        guard !signals.isEmpty, choice.isSelected else { return nil }
        return SelectionTicket(choice.slot.candidate, signals)
    }

    /// Ends an attempt, if there is one that is measured.
    func finish(_ ticket: inout SelectionTicket?, _ route: CallRoute, _ error: MicroError?) {
        guard let ticket = ticket.take() else { return }
        ticket.finish(error, selector: selector, service: service(route), endpoint: route.endpoint)
    }

    /// The service whose nodes are called.
    private func service(_ route: CallRoute) -> String { settings.redirection.service ?? route.service }

    /// An attempt that did not succeed.
    private struct FailedAttempt {
        let choice: Choice
        let error: MicroError

        /// Whether another node may well be ready at once.
        var canGoElsewhere: Bool { choice.hasOthers && error.processed == .no }

        /// Whether the next attempt is none of the retries that the call may have: this one reached nobody, so it
        /// was no burden for the service, and there are nodes that the call has not tried.
        var isFree: Bool { canGoElsewhere && error.status == .unavailable }
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
    ///   - body: What to do on a connection.
    /// - Returns: What the closure returned.
    /// - Throws: The error of the last attempt, or why there is no node.
    private func attempt<Answer>(
        _ route: CallRoute, _ options: CallOptions, _ head: CallHead, _ deadline: ContinuousClock.Instant,
        _ ticket: inout SelectionTicket?, choice: Choice? = nil, failed: FailedAttempt? = nil,
        _ body: (any Connection) async throws(MicroError) -> Answer
    ) async throws(MicroError) -> Answer {
        var tried: [String] = []
        var retries = 0
        var (next, failed) = (choice, failed)
        while true {
            if let failure = failed {
                tried.append(failure.choice.slot.node.id)
                if !failure.isFree { retries += 1 }
                try await pause(before: retries, failure, options, deadline)
                next = nil
            }
            let choice: Choice
            if let next {
                choice = next
            } else {
                choice = try await choose(route, options, head, deadline, avoiding: tried)
            }
            ticket = begin(choice)
            do {
                let connection = try await choice.slot.connection(deadline: deadline)
                ticket?.connected()
                return try await body(connection)
            } catch {
                finish(&ticket, route, error)
                failed = FailedAttempt(choice: choice, error: error)
            }
        }
    }

    /// Waits before the next attempt.
    ///
    /// - Parameters:
    ///   - retry: The number of the retry.
    ///   - failed: The attempt that failed.
    ///   - options: How the call is made.
    ///   - deadline: Until when it may be tried.
    /// - Throws: The error of the attempt that failed, if there is to be no other.
    private func pause(
        before retry: Int, _ failed: FailedAttempt, _ options: CallOptions,
        _ deadline: ContinuousClock.Instant
    ) async throws(MicroError) {
        guard retry <= options.retries ?? settings.retries, options.retry.allows(failed.error),
            !Task.isCancelled
        else { throw failed.error }
        let pause = failed.canGoElsewhere ? .zero : Backoff.pause(before: retry)
        guard ContinuousClock.now + pause < deadline else { throw failed.error }
        if pause > .zero, (try? await time.sleep(for: pause)) == nil { throw failed.error }
    }

    /// Chooses where an attempt goes; waits for the nodes to be known.
    private func choose(
        _ route: CallRoute, _ options: CallOptions, _ head: CallHead, _ deadline: ContinuousClock.Instant,
        avoiding tried: [String]
    ) async throws(MicroError) -> Choice {
        if let known = try chooseKnown(route, options, head, avoiding: tried) { return known }
        // An entry that was dropped since has no nodes; then there is a new one.
        let snapshot = try await entry(service(route)).nodes(deadline: deadline)
        return try snapshot.choose(selector, for: context(route, head, tried))
    }

    /// Chooses where an attempt goes, if that is known without waiting.
    private func chooseKnown(
        _ route: CallRoute, _ options: CallOptions, _ head: CallHead, avoiding tried: [String]
    ) throws(MicroError) -> Choice? {
        if let address = options.address ?? settings.redirection.address {
            return Choice(slot: try slot(address: address), hasOthers: false, isSelected: false)
        }
        let entry: DiscoveredService
        if let known = route.entry.load() {
            entry = known
        } else {
            entry = route.entry.storeIfNil(try self.entry(service(route)))
        }
        guard let snapshot = entry.snapshot else { return nil }
        entry.lastUse.store(now, ordering: .relaxed)
        return try snapshot.choose(selector, for: context(route, head, tried))
    }

    private func context(_ route: CallRoute, _ head: CallHead, _ tried: [String]) -> SelectionContext {
        SelectionContext(
            service: service(route), endpoint: route.endpoint, head: head, tried: tried, signals: signals)
    }
}
