internal import Logging
internal import MicroCore
internal import MicroNIO
internal import MicroPluginKit
internal import NIOCore
internal import Synchronization

// What arrives on the connection, and its end.
extension NATSCore {
    /// Takes what has been read.
    func receive(_ buffer: ByteBuffer, link number: Int) {
        guard link?.number == number else { return }
        link?.unansweredPings = 0
        counters.bytesReceived.add(buffer.readableBytes, ordering: .relaxed)
        var buffer = Self.compacted(buffer)
        // The parser and the messages of one subscription are kept at hand while there are some. A copy of the
        // parser would make it copy the part of a message that it has.
        var parser = NATSParser()
        swap(&parser, &self.parser)
        var run = Run()
        do throws(ProtocolFault) {
            while let operation = try parser.next(&buffer) {
                if case .message(let subscription, let message) = operation {
                    try receive(message, for: subscription, in: &run)
                } else {
                    // Anyone who waits for an answer finds the messages that came before it.
                    deliver(&run)
                    try handle(operation)
                    guard link?.number == number else { break }
                }
            }
        } catch {
            fail(
                link: number,
                NATSError(
                    .protocolViolation, "The server sends something that isn't NATS: \(error.description)."))
        }
        self.parser = parser
        if run.count > 0 { counters.messagesReceived.add(run.count, ordering: .relaxed) }
        deliver(&run)
    }

    /// A message keeps the buffer alive in which it arrived, so a small read doesn't stay in a large buffer.
    private static func compacted(_ buffer: ByteBuffer) -> ByteBuffer {
        guard buffer.readableBytes < buffer.capacity / 4 else { return buffer }
        var copy = ByteBuffer()
        copy.reserveCapacity(buffer.readableBytes)
        copy.writeImmutableBuffer(buffer)
        return copy
    }

    private func handle(_ operation: ServerOperation) throws(ProtocolFault) {
        guard let stage = link?.stage else { return }
        switch (operation, stage) {
        case (.error(let text), _): report(text)
        case (.info(let text), .greeting):
            let info = try ServerInfo.decode(text)
            link?.info = info
            link?.stage = .securing
            link?.greeted.succeed(info)
        case (_, .greeting), (_, .securing):
            throw ProtocolFault("an operation came before the handshake was done")
        case (.info(let text), _): update(try ServerInfo.decode(text))
        case (.ping, _): answerPing()
        case (.pong, _): receivePong()
        case (.ok, _), (.message, _): return
        }
    }

    /// Goes on with the greeting behind a TLS handshake that came first.
    func secured(link number: Int) {
        guard link?.number == number else { return }
        if configuration.performsTLSFirst { link?.stage = .greeting }
        link?.secured.succeed()
    }

    private func answerPing() {
        control.writeString("PONG\r\n")
        scheduleFlush()
    }

    private func receivePong() {
        switch link?.pongs.popFirst() {
        case .admission: opened()
        case .waiter(let number): roundTrips.resume(number, .success(()))
        case .leave: if let link { fail(link: link.number, link.reason ?? .closed) }
        case .liveness, nil: return
        }
    }

    /// Begins to use a connection: subscribes again, and sends what has been kept.
    private func opened() {
        guard let link, link.stage == .login else { return }
        link.stage = .open
        isOpen = true
        openedAt = .now()
        lastFailure = nil
        for entry in subscriptions.values.sorted(by: { $0.number < $1.number }) {
            control.writeSubscribe(entry.subject, queue: entry.queue, number: entry.number)
        }
        leaveOut(outbox.goOnline(maximumPayload: link.info.payloadLimit), link)
        flush()
        if hasEverConnected { for entry in subscriptions.values { entry.inbox?.reconnected() } }
        hasEverConnected = true
        counters.connections.add(1, ordering: .relaxed)
        logger.info("Connected to the NATS server.", metadata: ["server.address": "\(link.server.server)"])
        events.send(NATSEvent(.connected, server: "\(link.server.server)"))
        update(link.info)
        connectionWaiters.resumeAll(.success(()))
        startHeartbeat(link.number)
        link.admitted.succeed()
    }

    private func update(_ info: ServerInfo) {
        guard let link else { return }
        self.link?.info = info
        // A server's configuration can be changed while it runs.
        if isOpen { leaveOut(outbox.limit(maximumPayload: info.payloadLimit), link) }
        for server in pool.learn(info.connectURLs ?? []) {
            logger.debug("A NATS server was discovered.", metadata: ["server.address": "\(server)"])
            events.send(NATSEvent(.discovered, server: "\(server)"))
        }
        guard info.lameDuck == true, link.stage == .open else { return }
        logger.info(
            "The NATS server is about to stop.", metadata: ["server.address": "\(link.server.server)"])
        events.send(NATSEvent(.lameDuck, server: "\(link.server.server)"))
        if pool.hasAnother {
            leave(NATSError(.lameDuck, "The NATS server \(link.server.server) is about to stop."))
        }
    }

    /// An error that the server reports; most end the connection, those about permissions don't.
    private func report(_ text: String) {
        let error = NATSError(serverError: text)
        counters.serverErrors.add(1, ordering: .relaxed)
        guard let link else { return }
        if error.code == .permissionDenied || text.lowercased().hasPrefix("invalid subject") {
            throttle.admit { suppressed in
                logger.warning(
                    "The NATS server reports an error.",
                    metadata: [
                        "server.address": "\(link.server.server)", "error.message": "\(error)",
                        "suppressed": "\(suppressed)",
                    ])
            }
            let subject = NATSError.subject(in: text)
            events.send(
                NATSEvent(.serverError, server: "\(link.server.server)", subject: subject, error: error))
            if text.lowercased().contains("subscription to") { refuse(subject, error) }
            return
        }
        fail(link: link.number, error)
    }

    /// Ends the subscriptions that the server refuses.
    private func refuse(_ subject: String?, _ error: NATSError) {
        for entry in subscriptions.values where entry.subject == subject {
            resumeReading(entry.number)
            subscriptions[entry.number] = nil
            entry.inbox?.end(error)
            guard entry.inbox == nil else { continue }
            // Without the answers' subject no request can succeed; the next one tries again.
            requests.subscription = nil
            for continuation in requests.removeAll() { continuation.resume(returning: .failure(error)) }
        }
    }

    private func startHeartbeat(_ number: Int) {
        heartbeat?.cancel()
        let interval = TimeAmount(max(configuration.pingInterval, .milliseconds(1)))
        heartbeat = loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            self.assumeIsolated { $0.beat(number) }
        }
    }

    private func beat(_ number: Int) {
        guard let link, link.number == number, suspensions == 0 else { return }
        guard link.unansweredPings < configuration.maximumUnansweredPings else {
            return fail(
                link: number,
                NATSError(
                    .staleConnection,
                    "The NATS server \(link.server.server) hasn't answered \(link.unansweredPings) pings."))
        }
        self.link?.unansweredPings += 1
        ping(.liveness)
    }

    /// Asks the server for an answer behind everything that was sent before.
    func ping(_ pong: Pong) {
        link?.pongs.append(pong)
        pingsWanted += 1
        scheduleFlush()
    }

    /// Closes the connection once everything is written and the server has said so.
    func leave(_ reason: NATSError) {
        guard let link else { return }
        guard link.stage == .open else { return fail(link: link.number, reason) }
        self.link?.stage = .leaving
        self.link?.reason = reason
        ping(.leave)
        let number = link.number
        loop.scheduleTask(in: TimeAmount(configuration.drainTimeout)) {
            self.assumeIsolated { $0.fail(link: number, reason) }
        }
    }

    /// Gives the connection up.
    func fail(link number: Int, _ reason: NATSError) {
        guard let link, link.number == number else { return }
        if link.reason == nil { self.link?.reason = reason }
        link.channel.close(promise: nil)
    }

    /// Takes leave of a connection that has ended.
    func ended(link number: Int) {
        guard let link, link.number == number else { return }
        let reason = link.reason ?? Self.reasonOfPeersClose(link)
        let wasOpen = link.stage == .open || link.stage == .leaving
        self.link = nil
        lastEnd = (number, reason)
        heartbeat?.cancel()
        heartbeat = nil
        isOpen = false
        outbox.goOffline()
        noteInterruptedWrite(reason)
        for entry in subscriptions.values { entry.isSuspended = false }
        suspensions = 0
        for continuation in requests.removeAll() { continuation.resume(returning: .failure(.lost)) }
        roundTrips.resumeAll(.failure(.lost))
        if wasOpen { events.send(NATSEvent(.disconnected, server: "\(link.server.server)", error: reason)) }
        link.greeted.fail(reason)
        link.secured.fail(reason)
        link.admitted.fail(reason)
        link.ended.succeed(reason)
    }

    /// Why a server has closed the connection without a word.
    ///
    /// With TLS 1.3 a client's handshake is done before the server has judged its certificate, and its refusal
    /// may be lost when the connection is reset.
    private static func reasonOfPeersClose(_ link: Link) -> NATSError {
        guard link.stage == .login else { return .lost }
        return NATSError(
            .connectionLost,
            "The NATS server \(link.server.server) closed the connection before it let us in. Its log says why; "
                + "it may not trust our certificate.")
    }
}

// MARK: - Waiting

extension NATSCore {
    /// Waits for the server's answer behind everything that was sent before.
    nonisolated func roundTrip(timeout: Duration) async -> Result<Void, NATSError> {
        let number = Self.numbers.wrappingAdd(1, ordering: .relaxed).newValue
        return await loop.suspend { continuation, isCancelled in
            self.assumeIsolated { core in
                if isCancelled { return continuation.resume(returning: .failure(.cancelled)) }
                guard core.link?.stage == .open else {
                    return continuation.resume(returning: .failure(core.isClosed ? .closed : .lost))
                }
                let timer = core.loop.scheduleTask(in: TimeAmount(timeout)) {
                    self.assumeIsolated { core in
                        let error = NATSError(.timeout, "The NATS server didn't answer within \(timeout).")
                        core.roundTrips.resume(number, .failure(error))
                    }
                }
                core.roundTrips.add(number, continuation, timer: timer)
                core.ping(.waiter(number))
            }
        } onCancel: {
            self.assumeIsolated { $0.roundTrips.resume(number, .failure(.cancelled)) }
        }
    }

    /// Waits until there is a connection.
    nonisolated func untilConnected(timeout: Duration) async -> Result<Void, NATSError> {
        let number = Self.numbers.wrappingAdd(1, ordering: .relaxed).newValue
        return await loop.suspend { continuation, isCancelled in
            self.assumeIsolated { core in
                if isCancelled { return continuation.resume(returning: .failure(.cancelled)) }
                if core.isClosed { return continuation.resume(returning: .failure(core.reasonOfEnd)) }
                if core.link?.stage == .open { return continuation.resume(returning: .success(())) }
                let timer = core.loop.scheduleTask(in: TimeAmount(timeout)) {
                    self.assumeIsolated { core in
                        let text = "The NATS client wasn't connected within \(timeout): \(core.whereabouts)."
                        core.connectionWaiters.resume(number, .failure(NATSError(.timeout, text)))
                    }
                }
                core.connectionWaiters.add(number, continuation, timer: timer)
            }
        } onCancel: {
            self.assumeIsolated { $0.connectionWaiters.resume(number, .failure(.cancelled)) }
        }
    }

    /// Numbers of those who wait, in the whole process.
    static let numbers = Atomic<UInt64>(0)
}
