internal import Logging
public import MicroNIO
public import NIOCore
internal import Synchronization

/// A client of NATS: one connection to one of several servers, that is replaced when it is lost.
///
/// ```swift
/// let client = NATSClient(configuration: .init(servers: [try NATSServer("nats://127.0.0.1:4222")]))
/// try await withThrowingTaskGroup { group in
///     group.addTask { try await client.run() }
///     let subscription = try await client.subscribe(to: "greetings")
///     try await client.publish(ByteBuffer(string: "hello"), to: "greetings")
///     for try await message in subscription { … }
///     group.cancelAll()
/// }
/// ```
///
/// ## Behaviour
///
/// - Nothing happens before ``run()``, which owns everything and ends when its task is cancelled or the
///   client is closed. Before the end it writes what was published.
/// - ``publish(_:to:reply:headers:)-(ByteBuffer,_,_,_)`` returns when the message is in the write buffer; it
///   waits while more than `writeBufferSize` bytes are in it. ``flush(timeout:)`` waits until the server has
///   taken everything.
/// - While there is no connection messages are kept in the same buffer, up to `reconnectBufferSize` bytes;
///   then publishing throws `bufferFull`, so nothing that was taken is replaced by what comes later. They
///   are sent, in order, once the subscriptions are renewed; one that is too large for the next server is left
///   out. What was given to a socket that breaks is lost. Each message that was taken and is known not to have
///   been given to a socket is logged, counted (`messagesUnsent`) and told as an event.
/// - Subscriptions outlive reconnects, and miss what is published meanwhile.
/// - All functions may be called from any task, and are cancellable.
public final class NATSClient: Sendable {
    /// How a client behaves.
    public typealias Configuration = NATSConfiguration

    /// How the client behaves.
    public let configuration: Configuration

    let core: NATSCore

    // The core's, which lives as long as that: its reference count would be a fifth of what publishing costs, since
    // the loop's thread counts as well.
    private let outbox: Unmanaged<Outbox>

    /// Creates a client, which does nothing before ``run()``.
    ///
    /// - Parameter configuration: How the client behaves.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        core = NATSCore(configuration: configuration)
        outbox = .passUnretained(core.outbox)
    }

    /// Connects, and keeps connected until the task is cancelled or the client is closed.
    ///
    /// - Throws: A ``NATSError`` if all servers refuse the client the first time: `authenticationFailed`,
    ///   `invalidCredentials` or `insecure`; or `closed` if it was run or closed before. A server that isn't
    ///   there is tried again forever.
    public func run() async throws(NATSError) {
        let core = core
        // The error is handed out as a value, since a cancellation handler doesn't keep its type.
        let result = await withTaskCancellationHandler { () async -> Result<Void, NATSError> in
            do throws(NATSError) {
                return .success(try await core.run())
            } catch {
                return .failure(error)
            }
        } onCancel: {
            core.loop.execute { core.assumeIsolated { $0.beginClosing() } }
        }
        try result.get()
    }

    /// Ends the client: writes what was published, and closes the connection.
    ///
    /// It returns at once, and ``run()`` when it is done.
    public func close() {
        core.onLoop { $0.beginClosing() }
    }

    /// Ends all subscriptions once what the server has sent is here, and then the client.
    ///
    /// - Parameter timeout: How long to wait for the server.
    public func drain(timeout: Duration = .seconds(5)) async {
        let numbers = await core.stopReceivingAll()
        // Whether the server answers or not, this is the end.
        _ = await core.roundTrip(timeout: timeout)
        for number in numbers { await core.unsubscribe(number) }
        close()
    }

    /// Waits until there is a connection.
    ///
    /// - Parameter timeout: How long to wait.
    /// - Throws: A ``NATSError`` with the code `timeout` that says what stands in the way, what ``run()`` throws
    ///   if every server has refused the client, or `closed`.
    public func waitUntilConnected(timeout: Duration = .seconds(10)) async throws(NATSError) {
        try await core.untilConnected(timeout: timeout).get()
    }

    /// Runs tasks on the thread of the client's connection.
    ///
    /// A task that prefers it makes requests, and reads subscriptions, without a change of threads, which
    /// is most of what they cost. It must not block, or compute for long.
    public var executor: LoopExecutor { EventLoops.executor(of: core.loop) }

    /// What happens to the client from now on; a reader that is too slow misses the oldest.
    public var events: AsyncStream<NATSEvent> { core.events.events() }

    /// Whether there has been a connection.
    package var hasEverConnected: Bool { core.counters.connections.load(ordering: .relaxed) > 0 }

    /// What the client has done so far.
    public var statistics: NATSStatistics {
        let counters = core.counters
        var statistics = NATSStatistics()
        statistics.messagesSent = core.outbox.messageCount
        statistics.messagesReceived = counters.messagesReceived.load(ordering: .relaxed)
        statistics.bytesSent = counters.bytesSent.load(ordering: .relaxed)
        statistics.bytesReceived = counters.bytesReceived.load(ordering: .relaxed)
        statistics.messagesDropped = counters.messagesDropped.load(ordering: .relaxed)
        statistics.messagesUnsent = counters.messagesUnsent.load(ordering: .relaxed)
        statistics.connections = counters.connections.load(ordering: .relaxed)
        statistics.serverErrors = counters.serverErrors.load(ordering: .relaxed)
        return statistics
    }
}

// MARK: - Publish

extension NATSClient {
    /// Sends a message.
    ///
    /// - Parameters:
    ///   - payload: The payload.
    ///   - subject: The subject, without wildcards.
    ///   - reply: The subject to which answers shall go.
    ///   - headers: Headers, which a client without support for them doesn't get.
    /// - Throws: A ``NATSError``: `invalidSubject`, `invalidHeader`, `payloadTooLarge`, `bufferFull`,
    ///   `cancelled` or `closed`.
    @inlinable
    public func publish(
        _ payload: ByteBuffer, to subject: String, reply: String? = nil, headers: NATSHeaders? = nil
    ) async throws(NATSError) {
        guard try !send(payload, subject, reply, headers) else { return }
        try await sendWhenThereIsRoom(payload, subject, reply, headers)
    }

    /// Sends a message.
    ///
    /// - Parameters:
    ///   - payload: The payload.
    ///   - subject: The subject, without wildcards.
    ///   - reply: The subject to which answers shall go.
    ///   - headers: Headers, which a client without support for them doesn't get.
    /// - Throws: A ``NATSError``: `invalidSubject`, `invalidHeader`, `payloadTooLarge`, `bufferFull`,
    ///   `cancelled` or `closed`.
    @inlinable
    public func publish(
        _ payload: [UInt8], to subject: String, reply: String? = nil, headers: NATSHeaders? = nil
    ) async throws(NATSError) {
        guard try !send(payload, subject, reply, headers) else { return }
        try await sendWhenThereIsRoom(payload, subject, reply, headers)
    }

    // The two below are what `publish` is inlined to: a caller pays for suspension only when there is no room.

    /// Sends a message if there is room for it.
    @usableFromInline
    func send(
        _ payload: ByteBuffer, _ subject: String, _ reply: String?, _ headers: NATSHeaders?
    ) throws(NATSError) -> Bool {
        try add(payload, subject, reply, headers)
    }

    /// Waits for room, and sends a message.
    @usableFromInline
    func sendWhenThereIsRoom(
        _ payload: ByteBuffer, _ subject: String, _ reply: String?, _ headers: NATSHeaders?
    ) async throws(NATSError) {
        repeat { try await waitForRoom() } while try !add(payload, subject, reply, headers)
    }

    /// Sends a message if there is room for it.
    @usableFromInline
    func send(
        _ payload: [UInt8], _ subject: String, _ reply: String?, _ headers: NATSHeaders?
    ) throws(NATSError) -> Bool {
        try add(payload, subject, reply, headers)
    }

    /// Waits for room, and sends a message.
    @usableFromInline
    func sendWhenThereIsRoom(
        _ payload: [UInt8], _ subject: String, _ reply: String?, _ headers: NATSHeaders?
    ) async throws(NATSError) {
        repeat { try await waitForRoom() } while try !add(payload, subject, reply, headers)
    }

    private func waitForRoom() async throws(NATSError) {
        await core.outbox.waitForRoom()
        if Task.isCancelled { throw NATSError.cancelled }
    }

    @inline(__always)
    private func add<Payload: CommandPayload>(
        _ payload: Payload, _ subject: String, _ reply: String?, _ headers: NATSHeaders?
    ) throws(NATSError) -> Bool {
        if let reply { try NATSSubject.checkPublish(reply) }
        let block = try Self.block(headers)
        let admission = outbox._withUnsafeGuaranteedRef {
            $0.add(payload, to: subject, reply: reply, headers: block)
        }
        switch admission {
        case .taken: return true
        case .takenAndIdle:
            wake()
            return true
        case .refused(let error): throw error
        case .mustWait: return false
        }
    }

    private func wake() {
        core.loop.execute { [core] in core.assumeIsolated { $0.flush() } }
    }

    private static func block(_ headers: NATSHeaders?) throws(NATSError) -> [UInt8]? {
        guard let headers, !headers.isEmpty else { return nil }
        try headers.check()
        return headers.encoded
    }

    /// Waits until the server has taken everything that was published before.
    ///
    /// - Parameter timeout: How long to wait.
    /// - Throws: A ``NATSError``: `timeout`, `connectionLost`, `cancelled` or `closed`.
    public func flush(timeout: Duration = .seconds(10)) async throws(NATSError) {
        try await core.roundTrip(timeout: timeout).get()
    }
}

// MARK: - Subscribe and request

extension NATSClient {
    /// Begins to receive the messages of a subject.
    ///
    /// The server is told in the next write; after ``flush(timeout:)`` it knows, and has said so if it
    /// refuses.
    ///
    /// - Parameters:
    ///   - subject: The subject, perhaps with wildcards.
    ///   - queue: The queue group, of whose members one gets each message.
    ///   - limits: How much waits for the reader at most.
    /// - Returns: The subscription.
    /// - Throws: A ``NATSError`` with the code `invalidSubject` or `closed`.
    public func subscribe(
        to subject: String, queue: String? = nil, limits: NATSSubscription.Limits = .init()
    ) async throws(NATSError) -> NATSSubscription {
        try NATSSubject.checkSubscribe(subject, queue: queue)
        return try await core.subscribe(subject, queue: queue, limits: limits)
    }

    /// Begins to receive the messages of a subject by a function that is called on the connection's loop.
    ///
    /// It is for those who queue messages themselves: the function must not take long.
    ///
    /// - Parameters:
    ///   - subject: The subject, perhaps with wildcards.
    ///   - queue: The queue group.
    ///   - receive: Called with each message.
    /// - Returns: The subscription, which has no messages itself.
    /// - Throws: A ``NATSError`` with the code `invalidSubject` or `closed`.
    package func subscribe(
        to subject: String, queue: String?, receive: @escaping @Sendable (NATSMessage) -> Void
    ) async throws(NATSError) -> NATSSubscription {
        try NATSSubject.checkSubscribe(subject, queue: queue)
        return try await core.subscribe(subject, queue: queue, receive: receive)
    }

    /// Sends a message and waits for the first answer.
    ///
    /// All requests share one subscription.
    ///
    /// - Parameters:
    ///   - payload: The payload.
    ///   - subject: The subject, without wildcards.
    ///   - headers: Headers.
    ///   - timeout: How long to wait for the answer.
    /// - Returns: The answer.
    /// - Throws: A ``NATSError``: `noResponders`, `timeout`, `connectionLost`, `cancelled`, `closed`, or what
    ///   publishing throws.
    public func request(
        _ payload: ByteBuffer, to subject: String, headers: NATSHeaders? = nil,
        timeout: Duration = .seconds(5)
    ) async throws(NATSError) -> NATSMessage {
        try await core.request(
            payload, to: subject, headers: try Self.block(headers), timeout: timeout
        ).get()
    }

    /// Answers a request.
    ///
    /// - Parameters:
    ///   - request: The request; one that wants no answer gets none.
    ///   - payload: The answer.
    ///   - headers: Headers.
    /// - Throws: What ``publish(_:to:reply:headers:)-(ByteBuffer,_,_,_)`` throws.
    public func respond(
        to request: NATSMessage, with payload: ByteBuffer, headers: NATSHeaders? = nil
    ) async throws(NATSError) {
        guard let reply = request.reply else { return }
        try await publish(payload, to: reply, headers: headers)
    }
}
