import MicroCore
internal import Synchronization

extension ClientEngine {
    /// Returns the moment at which a call ends at the latest.
    ///
    /// - Parameters:
    ///   - options: How the call is made.
    ///   - route: Where the call goes.
    ///   - bound: The deadline of the call that is being answered.
    ///   - defaultTimeout: The limit if neither the options nor the service config have one.
    /// - Returns: The moment, or `nil` for a call without limit.
    func deadline(
        _ options: CallOptions, _ route: CallRoute, bound: ContinuousClock.Instant?, defaultTimeout: Duration?
    ) -> ContinuousClock.Instant? {
        var timeout = options.timeout ?? route.policy.timeout ?? defaultTimeout
        // Of a call's limit and that of the service config the shorter one counts, as in gRPC.
        if let limit = route.policy.timeout, let wanted = timeout { timeout = min(wanted, limit) }
        var deadline = timeout.map { ContinuousClock.Instant.after($0) }
        if let limit = options.deadline { deadline = min(deadline ?? limit, limit) }
        if let bound { deadline = min(deadline ?? bound, bound) }
        return deadline
    }

    /// Returns the metadata of a call: the caller's, and that of the service which owns the client.
    ///
    /// - Parameters:
    ///   - metadata: The caller's metadata.
    ///   - criticality: How much the call matters.
    /// - Returns: The metadata.
    func outgoing(_ metadata: Metadata, _ criticality: Criticality = .default) -> Metadata {
        if metadata.isEmpty, criticality == .default { return self.metadata }
        if self.metadata.isEmpty, criticality == .default { return metadata }
        var all = metadata
        for (name, value) in self.metadata where all[name] == nil { all.add(value, for: name) }
        if criticality != .default, all[Criticality.field] == nil {
            all.add(criticality.rawValue, for: Criticality.field)
        }
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
        if let hedging = options.hedging ?? route.policy.hedging, hedging.attempts > 1 {
            return try await hedged(route, message, options, hedging, head, deadline)
        }
        // The usual case, straight: a service whose nodes are known, and an open connection.
        let choice = try chooseKnown(route, options, head, avoiding: [])
        var failed: FailedAttempt?
        var ticket: NodeAttempt?
        if let choice, let connection = choice.slot.openConnection {
            ticket = begin(choice, isConnected: true)
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
        { connection, head throws(MicroError) in
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
        ticket: inout NodeAttempt?
    ) async throws(MicroError) -> any ClientCallStream {
        let head = CallHead(
            path: route.path(options), contentSubtype: route.subtype, metadata: metadata, deadline: deadline,
            compression: options.compression ?? settings.compression)
        let setup = ContinuousClock.now + settings.requestTimeout
        return try await attempt(route, options, head, min(deadline ?? setup, setup), &ticket) {
            connection, head throws(MicroError) in
            try await connection.open(head)
        }
    }

    /// Chooses where an attempt goes; waits for the nodes to be known.
    func choose(
        _ route: CallRoute, _ options: CallOptions, _ head: CallHead, _ deadline: ContinuousClock.Instant,
        avoiding tried: [String]
    ) async throws(MicroError) -> NodeSnapshot.Choice {
        if let known = try chooseKnown(route, options, head, avoiding: tried) { return known }
        // An entry that was dropped since has no nodes; then there is a new one.
        let entry = try entry(service(route))
        let snapshot = try await entry.nodes(deadline: deadline)
        return try choose(from: snapshot, entry.routing, route, options, head, tried)
    }

    /// Chooses where an attempt goes, if that is known without waiting.
    func chooseKnown(
        _ route: CallRoute, _ options: CallOptions, _ head: CallHead, avoiding tried: [String]
    ) throws(MicroError) -> NodeSnapshot.Choice? {
        if let address = options.address ?? settings.redirection.address {
            return NodeSnapshot.Choice(slot: try slot(address: address), hasOthers: false, isSelected: false)
        }
        let entry: DiscoveredService
        if let known = route.entry.load() {
            entry = known
        } else {
            entry = route.entry.storeIfNil(try self.entry(service(route)))
        }
        guard let snapshot = entry.snapshot else { return nil }
        entry.lastUse.store(now, ordering: .relaxed)
        return try choose(from: snapshot, entry.routing, route, options, head, tried)
    }

    /// The service whose nodes are called.
    func service(_ route: CallRoute) -> String { settings.redirection.service ?? route.service }
}
