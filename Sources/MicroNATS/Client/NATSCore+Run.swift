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
        if !isRunning, machine.isClosed, Task.isCancelled { return }
        guard !isRunning, !machine.isClosed else {
            throw NATSError(
                .closed, "A NATS client runs once: its run() was called before, or it was closed.")
        }
        isRunning = true
        logger = Logger.current
        machine.start(now: .now())
        apply()
        while end == nil {
            switch jobs.popFirst() {
            case .connect(let server, let link)?: await connect(to: server, link: link)
            case .logIn(let credentials, let nonce, let link)?:
                await logIn(credentials, nonce: nonce, link: link)
            // Its cancellation closes the client, whose end is waited for.
            case nil: await withUnsafeContinuation { jobWaiter = $0 }
            }
        }
        try end?.get()
    }

    private func logIn(_ credentials: NATSCredentials, nonce: String?, link: Int) async {
        let login: Result<Login, NATSError>
        do throws(NATSError) {
            login = .success(try await credentials.login(nonce: nonce))
        } catch {
            login = .failure(error)
        }
        machine.loggedIn(link: link, login)
        apply()
    }

    private func connect(to server: ServerPool.Entry, link: Int) async {
        do {
            guard !machine.isClosing else { throw NATSError.closed }
            let channel = try await open(server)
            try begin(on: channel, link: link)
            apply()
            // It may have ended before its handler could know.
            if !channel.isActive { ended(link: link) }
        } catch {
            machine.failedToOpen(link: link, Self.reason(of: error, server), now: .now())
            apply()
        }
    }

    private func open(_ server: ServerPool.Entry) async throws -> any Channel {
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(configuration.connectTimeout))
            .channelOption(ChannelOptions.socketOption(.so_keepalive), value: 1)
            .channelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
            // The channel is writable again once all is written: no message waits in it that isn't counted.
            .channelOption(.writeBufferWaterMark, value: .init(low: 1, high: 1))
            // Nothing is read before the handlers are there.
            .channelOption(ChannelOptions.autoRead, value: false)
            .channelInitializer { channel in
                self.assumeIsolated { $0.opening.append(channel) }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
        defer { opening = [] }
        return try await bootstrap.connect(host: server.server.host, port: server.server.port).get()
    }

    /// Makes a channel the client's connection, and begins to read.
    private func begin(on channel: any Channel, link: Int) throws {
        self.channel = (link, channel)
        parser = NATSParser()
        do {
            try channel.pipeline.syncOperations.addHandler(NATSChannelHandler(core: self, link: link))
            machine.opened(link: link, now: .now())
            apply()
            try channel.syncOptions?.setOption(ChannelOptions.autoRead, value: true)
        } catch {
            self.channel = nil
            channel.close(promise: nil)
            throw error
        }
        channel.read()
    }

    /// Begins the TLS handshake of a connection.
    func secure(_ server: ServerPool.Entry, link: Int) {
        guard let channel, channel.link == link else { return }
        do {
            // One for all connections: files that change and can't be used leave what they held before.
            let context = try tls ?? TLSContext(configuration.tls ?? TLSConfiguration(), role: .client)
            tls = context
            let handler = try TLSHandler(
                context, peer: .host(server.tlsName), handshakeTimeout: configuration.connectTimeout)
            try channel.channel.pipeline.syncOperations.addHandler(handler, position: .first)
        } catch {
            machine.fail(link: link, Self.reason(of: error, server))
        }
    }

    private static func reason(of error: any Error, _ server: ServerPool.Entry) -> NATSError {
        switch error {
        case let error as NATSError: error
        case let error as StartError: NATSError(.insecure, error.message)
        case let error as TLSError: NATSError(.insecure, error.message)
        default:
            NATSError(
                .connectFailed,
                "The NATS server \(server.server) can't be reached: \(ConnectFailure.reason(of: error)).")
        }
    }

    /// Closes a connection, or the channels that may become it.
    func close(link: Int) {
        if let channel, channel.link == link { return channel.channel.close(promise: nil) }
        for channel in opening { channel.close(promise: nil) }
    }
}
