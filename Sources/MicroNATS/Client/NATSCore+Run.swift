internal import Logging
internal import MicroCore
internal import MicroNIO
internal import MicroPluginKit
internal import MicroTLS
internal import NIOCore
internal import NIOPosix

extension NATSCore {
    /// Connects, and connects again, until the client is closed.
    ///
    /// - Throws: A ``NATSError`` if every server refuses the client at the first round.
    func run() async throws(NATSError) {
        // A task that was cancelled before it began has closed the client.
        if !hasStarted, isClosed, Task.isCancelled { return }
        guard !hasStarted, !isClosed else {
            throw NATSError(
                .closed, "A NATS client runs once: its run() was called before, or it was closed.")
        }
        hasStarted = true
        logger = Logger.current
        defer { finish() }
        guard pool.first != nil else {
            throw NATSError(.invalidAddress, "No NATS server is configured.")
        }
        try NATSSubject.checkPublish(configuration.inboxPrefix)
        while !isClosing {
            let reason = await connectOnce()
            guard !isClosing else { return }
            if !hasEverConnected, pool.allRefusedUs {
                reasonOfEnd = reason
                throw reason
            }
            pool.rotate()
            // One that was lost sooner counts as a failed try, so that the next is not made at once.
            let hasLasted = openedAt < .now() - Self.shortLife
            openedAt = .distantFuture
            if hasLasted { backoff.reset() }
            if hasLasted, reason.code == .lameDuck { continue }
            await pause(backoff.next(servers: pool.entries.count))
        }
    }

    /// How long a connection must last to show that the server can be used.
    private static let shortLife = TimeAmount.seconds(5)

    /// Begins the end: what is buffered is written, the server answers, and the connection is closed.
    func beginClosing() {
        guard !isClosing, !isClosed else { return }
        isClosing = true
        sleeper?.succeed()
        sleeper = nil
        for channel in connecting { channel.close(promise: nil) }
        guard hasStarted else { return finish() }
        leave(.closed)
    }

    private func finish() {
        guard !isClosed else { return }
        isClosed = true
        isClosing = true
        note(unsent: outbox.close(), .closed, "The client ended without a connection.")
        for entry in subscriptions.values { entry.inbox?.end(nil) }
        subscriptions = [:]
        for continuation in requests.removeAll() { continuation.resume(returning: .failure(.closed)) }
        roundTrips.resumeAll(.failure(.closed))
        connectionWaiters.resumeAll(.failure(reasonOfEnd))
        events.send(NATSEvent(.closed))
        events.close()
    }

    /// Waits, unless the client is closed meanwhile.
    private func pause(_ duration: Duration) async {
        let promise = loop.makePromise(of: Void.self)
        sleeper = promise
        let timer = loop.scheduleTask(in: TimeAmount(duration)) {
            self.assumeIsolated { $0.wakeUp() }
        }
        // The promise only ever succeeds.
        try? await promise.futureResult.get()
        timer.cancel()
    }

    private func wakeUp() {
        sleeper?.succeed()
        sleeper = nil
    }
}

// MARK: - One connection

extension NATSCore {
    /// Opens a connection and stays with it until its end.
    ///
    /// - Returns: Why it ended, or couldn't be opened.
    private func connectOnce() async -> NATSError {
        guard let entry = pool.first else { return .lost }
        var number: Int?
        do {
            let channel = try await open(entry)
            number = try begin(on: channel, entry)
            try await enter(entry)
        } catch {
            let reason = failure(of: error, number: number, entry)
            if let number {
                fail(link: number, reason)
                if let link { _ = try? await link.ended.futureResult.get() }
            }
            note(failure: reason, entry)
            return reason
        }
        guard let link else { return .lost }
        let reason = (try? await link.ended.futureResult.get()) ?? .lost
        if !isClosing {
            endThrottle.admit { suppressed in
                logger.warning(
                    "The connection to the NATS server has ended; another one is opened.",
                    metadata: [
                        "server.address": "\(entry.server)", "error.message": "\(reason)",
                        "suppressed": "\(suppressed)",
                    ])
            }
        }
        lastFailure = reason
        return reason
    }

    private func failure(of error: any Error, number: Int?, _ entry: ServerPool.Entry) -> NATSError {
        if let number, let link, link.number == number, let reason = link.reason { return reason }
        if let number, let lastEnd, lastEnd.link == number { return lastEnd.reason }
        switch error {
        case let error as NATSError: return error
        case let error as StartError: return NATSError(.insecure, error.message)
        case let error as TLSError: return NATSError(.insecure, error.message)
        default:
            return NATSError(
                .connectFailed,
                "The NATS server \(entry.server) can't be reached: \(ConnectFailure.reason(of: error)).")
        }
    }

    private func note(failure: NATSError, _ entry: ServerPool.Entry) {
        let refusals: [NATSError.Code] = [.authenticationFailed, .insecure, .invalidCredentials]
        pool.mark(refusedUs: refusals.contains(failure.code))
        lastFailure = failure
        guard !isClosing else { return }
        let metadata: Logger.Metadata = ["server.address": "\(entry.server)", "error.message": "\(failure)"]
        if backoff.tries % 16 == 0 {
            logger.warning("No connection to the NATS server; it is tried again.", metadata: metadata)
        } else {
            logger.debug("No connection to the NATS server.", metadata: metadata)
        }
    }

    private func open(_ entry: ServerPool.Entry) async throws -> any Channel {
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(configuration.connectTimeout))
            .channelOption(ChannelOptions.socketOption(.so_keepalive), value: 1)
            .channelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
            // The channel is writable again once all is written: no message waits in it that isn't counted.
            .channelOption(.writeBufferWaterMark, value: .init(low: 1, high: 1))
            // Nothing is read before the handlers are there.
            .channelOption(ChannelOptions.autoRead, value: false)
            .channelInitializer { channel in
                self.assumeIsolated { $0.connecting.append(channel) }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
        defer { connecting = [] }
        let channel = try await bootstrap.connect(host: entry.server.host, port: entry.server.port).get()
        guard !isClosing else {
            channel.close(promise: nil)
            throw NATSError.closed
        }
        return channel
    }

    /// Makes a channel the client's connection, and begins to read.
    private func begin(on channel: any Channel, _ entry: ServerPool.Entry) throws -> Int {
        lastLink += 1
        parser = NATSParser()
        isWriting = false
        control = ByteBuffer()
        pingsWanted = 0
        suspensions = 0
        link = Link(number: lastLink, channel: channel, server: entry, loop: loop)
        let handlers = channel.pipeline.syncOperations
        do {
            try handlers.addHandler(NATSChannelHandler(core: self, link: lastLink))
            if configuration.performsTLSFirst {
                link?.stage = .securing
                try handlers.addHandler(try tlsHandler(entry), position: .first)
            }
            try channel.syncOptions?.setOption(ChannelOptions.autoRead, value: true)
        } catch {
            channel.close(promise: nil)
            throw error
        }
        guard channel.isActive else {
            // It ended before its handler could be told.
            ended(link: lastLink)
            throw NATSError.lost
        }
        channel.read()
        return lastLink
    }

    private func tlsHandler(_ entry: ServerPool.Entry) throws -> TLSHandler {
        let context = try TLSContext(configuration.tls ?? TLSConfiguration(), role: .client)
        return try TLSHandler(
            context, peer: .host(entry.tlsName), handshakeTimeout: configuration.connectTimeout)
    }

    /// Is greeted, secures the connection, says who we are, and is let in.
    private func enter(_ entry: ServerPool.Entry) async throws {
        guard let link else { throw NATSError.lost }
        let number = link.number
        let timer = loop.scheduleTask(in: TimeAmount(configuration.connectTimeout)) {
            let text =
                "The NATS server \(entry.server) didn't let us in within the time limit. Is it a NATS server?"
            self.assumeIsolated { $0.fail(link: number, NATSError(.timeout, text)) }
        }
        defer { timer.cancel() }
        if configuration.performsTLSFirst { try await link.secured.futureResult.get() }
        let info = try await link.greeted.futureResult.get()
        let isSecured = try await secure(link, info)
        let credentials = entry.server.credentials ?? configuration.credentials
        let login = try await credentials?.login(nonce: info.nonce) ?? Login()
        warnOfPlaintext(isSecured: isSecured, credentials, entry)
        let request = ConnectRequest(
            tlsRequired: isSecured, name: configuration.name, echo: configuration.echoes, login: login)
        var line = try request.line()
        line.writeString("PING\r\n")
        guard self.link?.number == number else { throw NATSError.lost }
        self.link?.stage = .login
        self.link?.pongs.append(.admission)
        link.channel.writeAndFlush(line, promise: nil)
        try await link.admitted.futureResult.get()
    }

    /// Secures the connection behind the server's greeting, if it must be.
    private func secure(_ link: Link, _ info: ServerInfo) async throws -> Bool {
        if configuration.performsTLSFirst { return true }
        let isWanted = configuration.tls != nil || link.server.server.requiresTLS
        let isOffered = info.tlsRequired == true || info.tlsAvailable == true
        guard isWanted || info.tlsRequired == true else { return false }
        guard isOffered else {
            throw NATSError(
                .insecure,
                "The connection to the NATS server \(link.server.server) must be secured, and the server offers no TLS."
            )
        }
        try link.channel.pipeline.syncOperations.addHandler(try tlsHandler(link.server), position: .first)
        try await link.secured.futureResult.get()
        return true
    }

    private func warnOfPlaintext(isSecured: Bool, _ credentials: NATSCredentials?, _ entry: ServerPool.Entry)
    {
        let address = ListenAddress.host(entry.server.host, port: entry.server.port)
        guard !isSecured, !address.isLocal, !hasEverConnected else { return }
        logger.warning(
            "The connection to the NATS server is not encrypted. Use TLS.",
            metadata: [
                "server.address": "\(entry.server)",
                "micro.nats.credentials": "\(credentials == nil ? "none" : "sent")",
            ])
    }
}
