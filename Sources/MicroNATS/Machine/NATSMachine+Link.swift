internal import NIOCore

// What the server says, beside messages.
extension NATSMachine {
    /// Something has arrived, so the server is there.
    mutating func heard() { link?.unansweredPings = 0 }

    /// Takes an operation of the server; its messages are delivered by the reader.
    ///
    /// - Parameters:
    ///   - operation: The operation.
    ///   - now: The time.
    /// - Throws: A ``ProtocolFault`` if it can't come now.
    mutating func receive(_ operation: ServerOperation, now: NIODeadline) throws(ProtocolFault) {
        guard let stage = link?.stage else { return }
        switch (operation, stage) {
        case (.error(let text), _): report(text)
        case (.info(let text), .greeting): greeted(try ServerInfo.decode(text))
        case (_, .opening), (_, .greeting), (_, .securing):
            throw ProtocolFault("an operation came before the handshake was done")
        case (.info(let text), _): update(try ServerInfo.decode(text), now: now)
        case (.ping, _):
            control.writeString("PONG\r\n")
            flush(.soon)
        case (.pong, _): receivePong(now: now)
        case (.ok, _), (.message, _): return
        }
    }

    private mutating func receivePong(now: NIODeadline) {
        switch link?.pongs.popFirst() {
        case .admission: admitted(now: now)
        case .waiter(let number):
            if roundTrips.remove(number) { perform(.resume(waiter: number, nil)) }
        case .leave: if let link { fail(link: link.number, link.reason ?? .closed) }
        case .liveness, nil: return
        }
    }

    mutating func update(_ info: ServerInfo, now: NIODeadline) {
        guard let link else { return }
        let server = link.server.server
        self.link?.info = info
        // A server's configuration can be changed while it runs.
        if isOpen { leaveOut(outbox.limit(maximumPayload: info.payloadLimit)) }
        for server in pool.learn(info.connectURLs ?? []) { perform(.report(.discovered(server))) }
        guard info.lameDuck == true, link.stage == .open else { return }
        perform(.report(.lameDuck(server)))
        if pool.hasAnother {
            leave(NATSError(.lameDuck, "The NATS server \(server) is about to stop."), now: now)
        }
    }

    /// An error that the server reports; most end the connection, those about permissions don't.
    private mutating func report(_ text: String) {
        let error = NATSError(serverError: text)
        guard let link else { return }
        let lowered = text.lowercased()
        let isHarmless = error.code == .permissionDenied || lowered.hasPrefix("invalid subject")
        let subject = isHarmless ? NATSError.subject(in: text) : nil
        perform(.report(.serverError(link.server.server, subject: subject, error, isFatal: !isHarmless)))
        guard isHarmless else { return fail(link: link.number, error) }
        if lowered.contains("subscription to") { refuse(subject, error) }
    }

    /// Ends the subscriptions that the server refuses.
    private mutating func refuse(_ subject: String?, _ error: NATSError) {
        let refused = subscriptions.filter { $0.value.subject == subject }.keys.sorted()
        for number in refused {
            resumeReading(number)
            subscriptions[number] = nil
        }
        if !refused.isEmpty { perform(.endSubscriptions(refused, error)) }
    }

    /// How often the server is asked whether it is there.
    var pingInterval: TimeAmount { TimeAmount(max(configuration.pingInterval, .milliseconds(1))) }

    mutating func beat(now: NIODeadline) {
        let next = now + pingInterval
        self.link?.nextPing = next
        // A connection that isn't read has no answers.
        guard let link, suspended.isEmpty else { return }
        guard link.unansweredPings < configuration.maximumUnansweredPings else {
            let text =
                "The NATS server \(link.server.server) hasn't answered \(link.unansweredPings) pings."
            return fail(link: link.number, NATSError(.staleConnection, text))
        }
        self.link?.unansweredPings += 1
        ping(.liveness)
    }

    /// Asks the server for an answer behind everything that was sent before.
    mutating func ping(_ pong: Pong) {
        link?.pongs.append(pong)
        pingsWanted += 1
        flush(.soon)
    }

    /// Closes the connection once everything is written and the server has said so.
    mutating func leave(_ reason: NATSError, now: NIODeadline) {
        guard let link else { return }
        guard link.stage == .open else { return fail(link: link.number, reason) }
        let deadline = now + TimeAmount(configuration.drainTimeout)
        self.link?.stage = .leaving
        self.link?.reason = reason
        self.link?.deadline = deadline
        self.link?.nextPing = nil
        watch(deadline)
        ping(.leave)
    }
}
