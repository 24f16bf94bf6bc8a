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
        _ route: CallRoute, _ message: Message, _ options: CallOptions, deadline: ContinuousClock.Instant,
        metadata: Metadata
    ) async throws(MicroError) -> UnaryReply {
        let head = CallHead(
            path: route.path, contentSubtype: route.subtype, metadata: metadata, deadline: deadline)
        return try await attempt(route, options, deadline) { connection throws(MicroError) in
            try await connection.unary(head, message)
        }
    }

    /// Begins a streaming call, with as many attempts as that may have.
    func open(
        _ route: CallRoute, _ options: CallOptions, deadline: ContinuousClock.Instant?, metadata: Metadata
    ) async throws(MicroError) -> any OutboundStream {
        let head = CallHead(
            path: route.path, contentSubtype: route.subtype, metadata: metadata, deadline: deadline)
        let setup = ContinuousClock.now + settings.requestTimeout
        return try await attempt(route, options, min(deadline ?? setup, setup)) {
            connection throws(MicroError) in
            try await connection.open(head)
        }
    }

    /// Does something on a connection of a service, once or more often.
    ///
    /// That there is no node to call ends the call. What is tried again is an attempt on a node.
    private func attempt<Answer>(
        _ route: CallRoute, _ options: CallOptions, _ deadline: ContinuousClock.Instant,
        _ body: (any Connection) async throws(MicroError) -> Answer
    ) async throws(MicroError) -> Answer {
        var tried: [String] = []
        var attempt = 0
        while true {
            let (slot, hasOthers) = try await choose(route, options, deadline, avoiding: tried)
            let failure: MicroError
            do {
                let connection: any Connection
                if let open = slot.openConnection {
                    connection = open
                } else {
                    connection = try await slot.connection(deadline: deadline)
                }
                let answer = try await body(connection)
                selector.mark(slot.node, of: route.service, error: nil)
                return answer
            } catch {
                failure = error
            }
            selector.mark(slot.node, of: route.service, error: failure)
            attempt += 1
            guard attempt <= options.retries ?? settings.retries, options.retry.allows(failure),
                !Task.isCancelled
            else { throw failure }
            tried.append(slot.node.id)
            // Another node may well be ready at once.
            let pause = hasOthers && failure.processed == .no ? .zero : Backoff.pause(before: attempt)
            guard ContinuousClock.now + pause < deadline else { throw failure }
            if pause > .zero, (try? await Task.sleep(for: pause)) == nil { throw failure }
        }
    }

    /// Chooses where an attempt goes.
    ///
    /// - Returns: The place of the connection, and whether there are nodes that were not tried yet.
    private func choose(
        _ route: CallRoute, _ options: CallOptions, _ deadline: ContinuousClock.Instant,
        avoiding tried: [String]
    ) async throws(MicroError) -> (slot: ConnectionSlot, hasOthers: Bool) {
        if let address = options.address ?? settings.redirection.address {
            return (try slot(address: address), false)
        }
        let service = settings.redirection.service ?? route.service
        let entry: ServiceEntry
        if let known = route.entry.load() {
            entry = known
        } else {
            entry = route.entry.storeIfNil(try self.entry(service))
        }
        let snapshot: NodeSnapshot
        if let known = entry.snapshot {
            entry.lastUse.store(now, ordering: .relaxed)
            snapshot = known
        } else {
            // An entry that was dropped since has no nodes; then there is a new one.
            snapshot = try await self.entry(service).nodes(deadline: deadline)
        }
        let slot = try snapshot.choose(selector, service: service, avoiding: tried)
        return (slot, snapshot.nodes.count > tried.count + 1)
    }
}
