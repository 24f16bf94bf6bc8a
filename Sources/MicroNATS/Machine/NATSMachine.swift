internal import MicroPluginKit
internal import NIOCore

/// What a client does, and when: which server it connects to, what it says and answers, how long it waits.
///
/// It has no socket, task or clock. Everything that happens is a call, with the time at which it happens, and leaves
/// effects behind, which the caller takes and carries out. Messages don't pass through it: they are written to the
/// outbox by those who publish, and delivered to their subscribers by those who read the socket.
struct NATSMachine {
    /// Something that is to be done outside.
    enum Effect: Equatable {
        /// A connection is to be opened, which has this number from now on.
        case connect(ServerPool.Entry, link: Int)

        /// A connection is to be closed, or is to be opened no more.
        case close(link: Int)

        /// The TLS handshake is to begin.
        case secure(ServerPool.Entry, link: Int)

        /// The credentials are to answer the server's challenge.
        case logIn(NATSCredentials, nonce: String?, link: Int)

        /// Bytes that go before everything else.
        case write(ByteBuffer, link: Int)

        /// ``NATSMachine/nextOutput()`` is to be written.
        case flush(Urgency)

        /// Reading is to go on, or to pause.
        case setReading(Bool)

        /// ``NATSMachine/poll(now:)`` is to be called then, and at no other time.
        case wake(NIODeadline)

        /// A waiter has what it waited for, or an error.
        case resume(waiter: UInt64, NATSError?)

        /// All requests that wait fail.
        case failRequests(NATSError)

        /// Subscriptions have ended.
        case endSubscriptions([UInt64], NATSError?)

        /// The subscriptions were renewed on another connection.
        case renewed

        /// Messages were left out, which are larger than the server takes.
        case leftOut([WaitingMessage], limit: Int)

        /// Somebody should know.
        case report(Report)

        /// The client has ended, with the error that its `run()` throws.
        case finished(NATSError?)
    }

    /// When something is written.
    enum Urgency: Hashable {
        case now

        /// In the loop's next turn, with what comes until then.
        case soon

        /// A little later: messages come one after the other, and a little patience makes one write of many.
        case later
    }

    /// What operators and listeners may want to know.
    enum Report: Equatable {
        case connected(NATSServer)
        case discovered(NATSServer)
        case lameDuck(NATSServer)

        /// The server reports an error; unless that is fatal the connection goes on.
        case serverError(NATSServer, subject: String?, NATSError, isFatal: Bool)

        /// An open connection has ended.
        case disconnected(NATSServer, NATSError)

        /// Another connection is opened since this one has ended.
        case reconnecting(NATSServer, NATSError)

        /// No connection could be opened; `isLasting` every now and then, when it is worth a warning.
        case unreachable(NATSServer, NATSError, isLasting: Bool)

        /// The connection isn't secured.
        case plaintext(NATSServer, hasCredentials: Bool)

        /// Messages were taken and not sent, or perhaps not.
        case unsent(Int, NATSError.Code, String)
        case closed
    }

    /// A connection, from the first try to open it to its end.
    struct Link {
        let number: Int
        let server: ServerPool.Entry
        var stage = Stage.opening
        var info = ServerInfo()
        var isSecured = false

        /// Why it ends, once that is known.
        var reason: NATSError?

        /// When it must be open, or closed.
        var deadline: NIODeadline?

        /// When the server is asked next whether it is there.
        var nextPing: NIODeadline?

        /// Who waits for the answers to our pings, in their order.
        var pongs = CircularBuffer<Pong>()
        var unansweredPings = 0

        /// Whether the last question was written, behind which nothing may come.
        var hasWrittenLast = false
    }

    /// How far a connection is.
    enum Stage { case opening, greeting, securing, login, open, leaving }

    /// What an answer to a ping is for.
    enum Pong {
        case admission
        case liveness
        case waiter(UInt64)
        case leave
    }

    /// How long a connection must last to show that the server can be used.
    static let shortLife = TimeAmount.seconds(5)

    let configuration: NATSConfiguration
    let outbox: Outbox
    var pool: ServerPool
    var backoff: ReconnectBackoff

    /// The connection that is open or being opened.
    var link: Link?
    var lastLink = 0

    /// When the next try to connect begins, while there is no connection.
    var nextTry: NIODeadline?

    /// When the last connection was open.
    var openedAt: NIODeadline?
    private(set) var hasStarted = false
    var hasEverConnected = false
    private(set) var isClosing = false
    private(set) var isClosed = false
    var lastFailure: NATSError?

    /// What those get who wait for a connection of a client that has ended.
    private(set) var reasonOfEnd = NATSError.closed

    // What is written before and behind the messages of the outbox.
    var control = ByteBuffer()
    var pingsWanted = 0
    var isWriting = false
    var isFlushScheduled = false

    /// The messages that are being written, or were last.
    var inFlight = ByteBuffer()

    /// What the server is to send on each connection.
    var subscriptions: [UInt64: Subscription] = [:]
    var lastSubscription: UInt64 = 0

    /// The subscriptions that have to catch up before anything more is read.
    var suspended: Set<UInt64> = []
    var roundTrips = TimedWaiters()
    var connectionWaiters = TimedWaiters()

    /// What is to be done, the first thing first; see ``takeEffects(into:)``.
    private(set) var effects: [Effect] = []

    /// When ``poll(now:)`` is to be called.
    private(set) var deadline: NIODeadline?

    /// Creates the state of a client that hasn't begun.
    ///
    /// - Parameters:
    ///   - configuration: How the client behaves.
    ///   - outbox: The messages that are to be written.
    init(configuration: NATSConfiguration, outbox: Outbox) {
        self.configuration = configuration
        self.outbox = outbox
        pool = ServerPool(configuration.servers, shuffled: configuration.shufflesServers)
        backoff = ReconnectBackoff(
            shortest: configuration.reconnectDelay.lowerBound,
            longest: configuration.reconnectDelay.upperBound)
    }

    /// Whether messages may be exchanged.
    var isOpen: Bool { link?.stage == .open || link?.stage == .leaving }

    /// Returns the state in a few words, for those who wait in vain.
    var summary: String {
        switch (hasStarted, isClosed, link?.stage) {
        case (_, true, _): "it has been closed"
        case (false, _, _): "nothing has called its run()"
        case (_, _, .open?): "it is connected"
        default:
            lastFailure.map { "it is connecting; the last try failed: \($0.message)" } ?? "it is connecting"
        }
    }
}

// MARK: - Effects and time

extension NATSMachine {
    /// Takes what is to be done.
    ///
    /// - Parameter empty: An empty array, whose memory is used for the next effects.
    mutating func takeEffects(into empty: inout [Effect]) { swap(&effects, &empty) }

    /// Has something done outside.
    mutating func perform(_ effect: Effect) { effects.append(effect) }

    /// Sees to it that ``poll(now:)`` is called at a time, or before.
    mutating func watch(_ time: NIODeadline) {
        if let deadline, deadline <= time { return }
        deadline = time
        effects.append(.wake(time))
    }

    /// Does what is due.
    ///
    /// - Parameter now: The time.
    mutating func poll(now: NIODeadline) {
        deadline = nil
        if let nextTry, nextTry <= now { connect(now: now) }
        if let link, let deadline = link.deadline, deadline <= now {
            self.link?.deadline = nil
            fail(link: link.number, link.reason ?? Self.notAdmitted(link.server.server))
        }
        if let next = link?.nextPing, next <= now { beat(now: now) }
        expireWaiters(now: now)
        let due = [
            nextTry, link?.deadline, link?.nextPing, roundTrips.earliest, connectionWaiters.earliest,
        ]
        if let due = due.compactMap(\.self).min() { watch(due) }
    }
}

// MARK: - Beginning and end

extension NATSMachine {
    /// Begins to connect.
    ///
    /// - Parameter now: The time.
    mutating func start(now: NIODeadline) {
        hasStarted = true
        do throws(NATSError) {
            guard pool.first != nil else {
                throw NATSError(.invalidAddress, "No NATS server is configured.")
            }
            try NATSSubject.checkPublish(configuration.inboxPrefix)
        } catch {
            return finish(error)
        }
        connect(now: now)
    }

    /// Begins the end: what is buffered is written, the server answers, and the connection is closed.
    ///
    /// - Parameter now: The time.
    mutating func close(now: NIODeadline) {
        guard !isClosing, !isClosed else { return }
        isClosing = true
        guard hasStarted, link != nil else { return finish() }
        leave(.closed, now: now)
    }

    /// Ends the client.
    ///
    /// - Parameter error: What its `run()` throws.
    mutating func finish(_ error: NATSError? = nil) {
        guard !isClosed else { return }
        isClosed = true
        isClosing = true
        nextTry = nil
        reportUnsent(outbox.close(), .closed, "The client ended without a connection.")
        perform(.endSubscriptions(subscriptions.keys.sorted(), nil))
        subscriptions = [:]
        perform(.failRequests(.closed))
        for waiter in roundTrips.removeAll() { perform(.resume(waiter: waiter, .closed)) }
        for waiter in connectionWaiters.removeAll() { perform(.resume(waiter: waiter, reasonOfEnd)) }
        perform(.report(.closed))
        perform(.finished(error))
    }

    /// Ends the client since every server has refused it.
    mutating func giveUp(_ reason: NATSError) {
        reasonOfEnd = reason
        finish(reason)
    }
}
