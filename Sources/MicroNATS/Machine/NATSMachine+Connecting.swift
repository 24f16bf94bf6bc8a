internal import NIOCore

// From one server to the next.
extension NATSMachine {
    /// Tries the first server of the pool.
    mutating func connect(now: NIODeadline) {
        guard let server = pool.first else { return }
        nextTry = nil
        lastLink += 1
        link = Link(number: lastLink, server: server)
        perform(.connect(server, link: lastLink))
    }

    /// A connection has been opened, to a server that has yet to greet us.
    ///
    /// - Parameters:
    ///   - number: Its number.
    ///   - now: The time.
    mutating func opened(link number: Int, now: NIODeadline) {
        guard let link, link.number == number, link.stage == .opening else {
            return perform(.close(link: number))
        }
        isWriting = false
        control = ByteBuffer()
        pingsWanted = 0
        suspended = []
        let deadline = now + TimeAmount(configuration.connectTimeout)
        self.link?.deadline = deadline
        watch(deadline)
        // It was given up while it was being opened.
        if link.reason != nil { return perform(.close(link: number)) }
        self.link?.stage = configuration.performsTLSFirst ? .securing : .greeting
        if configuration.performsTLSFirst { perform(.secure(link.server, link: number)) }
    }

    /// Takes the server's greeting.
    mutating func greeted(_ info: ServerInfo) {
        guard let link else { return }
        self.link?.info = info
        self.link?.stage = .securing
        if configuration.performsTLSFirst { return logIn(isSecured: true) }
        let isWanted = configuration.tls != nil || link.server.server.requiresTLS
        let isOffered = info.tlsRequired == true || info.tlsAvailable == true
        guard isWanted || info.tlsRequired == true else { return logIn(isSecured: false) }
        guard isOffered else {
            let text =
                "The connection to the NATS server \(link.server.server) must be secured, and the server offers no TLS."
            return fail(link: link.number, NATSError(.insecure, text))
        }
        perform(.secure(link.server, link: link.number))
    }

    /// The TLS handshake is done.
    ///
    /// - Parameter number: The number of the connection.
    mutating func secured(link number: Int) {
        guard let link, link.number == number, link.stage == .securing, link.reason == nil else { return }
        if configuration.performsTLSFirst {
            self.link?.stage = .greeting
        } else {
            logIn(isSecured: true)
        }
    }

    private mutating func logIn(isSecured: Bool) {
        guard let link else { return }
        let credentials = link.server.server.credentials ?? configuration.credentials
        if !isSecured, !hasEverConnected {
            perform(.report(.plaintext(link.server.server, hasCredentials: credentials != nil)))
        }
        self.link?.isSecured = isSecured
        guard let credentials else { return loggedIn(link: link.number, .success(Login())) }
        perform(.logIn(credentials, nonce: link.info.nonce, link: link.number))
    }

    /// The credentials have answered: says who we are, and asks for admission.
    ///
    /// - Parameters:
    ///   - number: The number of the connection.
    ///   - login: What proves who we are, or why nothing does.
    mutating func loggedIn(link number: Int, _ login: Result<Login, NATSError>) {
        guard let link, link.number == number, link.stage == .securing, link.reason == nil else { return }
        do throws(NATSError) {
            let request = ConnectRequest(
                tlsRequired: link.isSecured, name: configuration.name, echo: configuration.echoes,
                login: try login.get())
            var line = try request.line()
            line.writeString("PING\r\n")
            self.link?.stage = .login
            self.link?.pongs.append(.admission)
            perform(.write(line, link: number))
        } catch {
            fail(link: number, error)
        }
    }

    static func notAdmitted(_ server: NATSServer) -> NATSError {
        NATSError(
            .timeout, "The NATS server \(server) didn't let us in within the time limit. Is it a NATS server?"
        )
    }

    /// Begins to use a connection: subscribes again, and sends what has been kept.
    mutating func admitted(now: NIODeadline) {
        guard let link, link.stage == .login else { return }
        let server = link.server.server
        self.link?.stage = .open
        self.link?.deadline = nil
        openedAt = now
        lastFailure = nil
        for (number, subscription) in subscriptions.sorted(by: { $0.key < $1.key }) {
            control.writeSubscribe(subscription.subject, queue: subscription.queue, number: number)
        }
        leaveOut(outbox.goOnline(maximumPayload: link.info.payloadLimit))
        perform(.flush(.now))
        if hasEverConnected { perform(.renewed) }
        hasEverConnected = true
        perform(.report(.connected(server)))
        let nextPing = now + pingInterval
        self.link?.nextPing = nextPing
        watch(nextPing)
        update(link.info, now: now)
        for waiter in connectionWaiters.removeAll() { perform(.resume(waiter: waiter, nil)) }
    }

    /// Gives a connection up.
    ///
    /// - Parameters:
    ///   - number: Its number.
    ///   - reason: Why.
    mutating func fail(link number: Int, _ reason: NATSError) {
        guard let link, link.number == number else { return }
        if link.reason == nil { self.link?.reason = reason }
        perform(.close(link: number))
    }

    /// A connection couldn't be opened.
    ///
    /// - Parameters:
    ///   - number: Its number.
    ///   - reason: Why.
    ///   - now: The time.
    mutating func failedToOpen(link number: Int, _ reason: NATSError, now: NIODeadline) {
        guard let link, link.number == number else { return }
        if link.reason == nil { self.link?.reason = reason }
        ended(link: number, now: now)
    }

    /// A connection has ended.
    ///
    /// - Parameters:
    ///   - number: Its number.
    ///   - now: The time.
    mutating func ended(link number: Int, now: NIODeadline) {
        guard let link, link.number == number else { return }
        let reason = link.reason ?? Self.reasonOfPeersClose(link)
        let wasOpen = isOpen
        self.link = nil
        outbox.goOffline()
        reportInterruptedWrite(reason)
        suspended = []
        // Before the connection was there, nothing was sent on it.
        if link.stage != .opening { perform(.failRequests(.lost)) }
        for waiter in roundTrips.removeAll() { perform(.resume(waiter: waiter, .lost)) }
        lastFailure = reason
        let server = link.server.server
        if wasOpen {
            perform(.report(.disconnected(server, reason)))
        } else {
            pool.mark(refusedUs: Self.refusals.contains(reason.code))
        }
        guard !isClosing else { return finish() }
        if wasOpen {
            perform(.report(.reconnecting(server, reason)))
        } else {
            perform(.report(.unreachable(server, reason, isLasting: backoff.tries % 16 == 0)))
            if !hasEverConnected, pool.allRefusedUs { return giveUp(reason) }
        }
        tryNextServer(behind: reason, now: now)
    }

    private mutating func tryNextServer(behind reason: NATSError, now: NIODeadline) {
        pool.rotate()
        // One that was lost sooner counts as a failed try, so that the next is not made at once.
        let hasLasted = openedAt.map { $0 < now - Self.shortLife } ?? false
        openedAt = nil
        if hasLasted { backoff.reset() }
        if hasLasted, reason.code == .lameDuck { return connect(now: now) }
        let next = now + TimeAmount(backoff.next(servers: pool.entries.count))
        nextTry = next
        watch(next)
    }

    /// The errors that trying again does not cure.
    private static let refusals: [NATSError.Code] = [.authenticationFailed, .insecure, .invalidCredentials]

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
