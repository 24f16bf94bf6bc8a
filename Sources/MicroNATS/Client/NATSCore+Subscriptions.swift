internal import Logging
internal import MicroCore
internal import MicroNIO
internal import MicroPluginKit
internal import NIOCore
internal import Synchronization

extension NATSCore {
    /// Begins a subscription, now and on every later connection.
    func subscribe(_ subject: String, queue: String?, limits: NATSSubscription.Limits) throws(NATSError)
        -> NATSSubscription
    {
        guard !isClosed else { throw NATSError.closed }
        let inbox = SubscriptionInbox(limits: limits)
        let entry = add(subject, queue: queue, inbox: inbox)
        return NATSSubscription(self, subject: subject, queue: queue, number: entry.number, inbox: inbox)
    }

    /// Begins a subscription whose messages go to a function, on the loop.
    func subscribe(
        _ subject: String, queue: String?, receive: @escaping @Sendable (NATSMessage) -> Void
    ) throws(NATSError) -> NATSSubscription {
        guard !isClosed else { throw NATSError.closed }
        let inbox = SubscriptionInbox(limits: .init())
        let entry = add(subject, queue: queue, inbox: inbox, receive: receive)
        return NATSSubscription(self, subject: subject, queue: queue, number: entry.number, inbox: inbox)
    }

    private func add(
        _ subject: String, queue: String?, inbox: SubscriptionInbox?,
        receive: (@Sendable (NATSMessage) -> Void)? = nil
    ) -> Entry {
        lastSubscription += 1
        let entry = Entry(
            number: lastSubscription, subject: subject, queue: queue, inbox: inbox, receive: receive)
        subscriptions[entry.number] = entry
        if link?.stage == .open {
            control.writeSubscribe(subject, queue: queue, number: entry.number)
            scheduleFlush()
        }
        return entry
    }

    /// Tells the server to send no more; what is on its way still arrives.
    func stopReceiving(_ number: UInt64) {
        guard subscriptions[number] != nil, link?.stage == .open else { return }
        control.writeUnsubscribe(number)
        scheduleFlush()
    }

    /// Tells the server to send nothing more for the client's subscriptions.
    ///
    /// - Returns: The numbers of the subscriptions.
    func stopReceivingAll() -> [UInt64] {
        let numbers = subscriptions.values.filter { $0.inbox != nil }.map(\.number)
        for number in numbers { stopReceiving(number) }
        return numbers
    }

    /// Ends a subscription.
    func unsubscribe(_ number: UInt64) {
        resumeReading(number)
        guard let entry = subscriptions.removeValue(forKey: number) else { return }
        entry.inbox?.end(nil)
        if link?.stage == .open {
            control.writeUnsubscribe(number)
            scheduleFlush()
        }
    }

    /// Messages of one subscription that came one after the other.
    struct Run {
        var entry: Entry?
        var number: UInt64 = 0
        var messages: [NATSMessage] = []

        /// How many messages have come in all.
        var count = 0
    }

    /// Adds a message to those of its subscription.
    func receive(_ message: NATSMessage, for number: UInt64, in run: inout Run) throws(ProtocolFault) {
        run.count += 1
        if run.number != number { try begin(&run, number) }
        guard let entry = run.entry else { return }
        if entry.inbox != nil, entry.receive == nil { return run.messages.append(message) }
        if let receive = entry.receive { return receive(message) }
        answer(message)
    }

    private func begin(_ run: inout Run, _ number: UInt64) throws(ProtocolFault) {
        guard isOpen else { throw ProtocolFault("a message came before the handshake was done") }
        deliver(&run)
        // A message may still be on its way when its subscription has ended.
        run.entry = subscriptions[number]
        run.number = number
    }

    /// Hands messages to their subscriber.
    func deliver(_ run: inout Run) {
        guard !run.messages.isEmpty, let entry = run.entry, let inbox = entry.inbox else { return }
        let effect = inbox.deliver(&run.messages)
        note(dropped: effect.dropped, entry)
        guard effect.mustSuspend, !entry.isSuspended else { return }
        entry.isSuspended = true
        suspensions += 1
        setReading(false)
    }

    private func note(dropped: Int, _ entry: Entry) {
        guard dropped > 0 else {
            entry.isDropping = false
            return
        }
        counters.messagesDropped.add(dropped, ordering: .relaxed)
        guard !entry.isDropping else { return }
        entry.isDropping = true
        throttle.admit { suppressed in
            logger.warning(
                "A NATS subscription drops messages, since its reader is too slow.",
                metadata: [
                    "messaging.destination.name": "\(entry.subject.printable())",
                    "micro.nats.dropped": "\(dropped)", "suppressed": "\(suppressed)",
                ])
        }
        let error = NATSError(
            .slowConsumer,
            "The subscription of \(entry.subject) drops messages, since its reader is too slow.")
        events.send(NATSEvent(.slowConsumer, subject: entry.subject, error: error))
    }

    /// Reads again if this subscription stood in the way, and no other one does.
    func resumeReading(_ number: UInt64) {
        guard let entry = subscriptions[number], entry.isSuspended else { return }
        entry.isSuspended = false
        suspensions -= 1
        setReading(suspensions == 0)
    }

    private func setReading(_ isReading: Bool) {
        // A channel that is already closed has nothing to be read.
        try? link?.channel.syncOptions?.setOption(ChannelOptions.autoRead, value: isReading)
        if isReading { link?.channel.read() }
    }
}

// MARK: - Requests

/// The requests that wait for an answer.
struct RequestTable {
    typealias Continuation = UnsafeContinuation<Result<NATSMessage, NATSError>, Never>

    private struct Waiting {
        let continuation: Continuation
        let deadline: NIODeadline
        let subject: String
    }

    private var waiting: [UInt64: Waiting] = [:]

    /// The number of the subscription through which all answers come.
    var subscription: UInt64?

    /// What looks for requests whose time is up, and when.
    private var timer: (deadline: NIODeadline, task: Scheduled<Void>)?

    /// How many wait.
    var count: Int { waiting.count }

    mutating func add(_ number: UInt64, _ continuation: Continuation, deadline: NIODeadline, subject: String)
    {
        waiting[number] = Waiting(continuation: continuation, deadline: deadline, subject: subject)
    }

    mutating func remove(_ number: UInt64) -> (Continuation, subject: String)? {
        waiting.removeValue(forKey: number).map { ($0.continuation, $0.subject) }
    }

    mutating func removeAll() -> [Continuation] {
        timer?.task.cancel()
        timer = nil
        defer { waiting = [:] }
        return waiting.values.map(\.continuation)
    }

    /// Sees to it that the timer fires at a request's deadline or before.
    ///
    /// One timer serves all requests: it is moved only when a request's time is up before its.
    mutating func watch(_ deadline: NIODeadline, start: (NIODeadline) -> Scheduled<Void>) {
        if let timer, timer.deadline <= deadline { return }
        timer?.task.cancel()
        timer = (deadline, start(deadline))
    }

    /// Takes the requests whose time is up, and says when the next one's is; the timer is no more.
    mutating func expire(_ now: NIODeadline) -> ([(Continuation, subject: String)], next: NIODeadline?) {
        timer?.task.cancel()
        timer = nil
        var expired: [(Continuation, subject: String)] = []
        var next: NIODeadline?
        for (number, request) in waiting {
            if request.deadline <= now {
                waiting[number] = nil
                expired.append((request.continuation, request.subject))
            } else {
                next = min(next ?? request.deadline, request.deadline)
            }
        }
        return (expired, next)
    }
}

extension NATSCore {
    /// Sends a request and waits for its answer.
    nonisolated func request(
        _ payload: ByteBuffer, to subject: String, headers: [UInt8]?, timeout: Duration
    ) async -> Result<NATSMessage, NATSError> {
        let number = Self.numbers.wrappingAdd(1, ordering: .relaxed).newValue
        return await loop.suspend { continuation, isCancelled in
            self.assumeIsolated { core in
                if isCancelled { return continuation.resume(returning: .failure(.cancelled)) }
                if core.isClosed { return continuation.resume(returning: .failure(.closed)) }
                core.begin(number, payload, subject, headers, timeout, continuation)
            }
        } onCancel: {
            self.assumeIsolated { core in
                core.requests.remove(number)?.0.resume(returning: .failure(.cancelled))
            }
        }
    }

    private func begin(
        _ number: UInt64, _ payload: ByteBuffer, _ subject: String, _ headers: [UInt8]?, _ timeout: Duration,
        _ continuation: RequestTable.Continuation
    ) {
        if requests.subscription == nil {
            requests.subscription = add(inboxes + "*", queue: nil, inbox: nil).number
        }
        let admission = outbox.add(
            payload, to: subject, reply: inboxes, headers: headers, request: number)
        if case .refused(let error) = admission { return continuation.resume(returning: .failure(error)) }
        let deadline = NIODeadline.now() + TimeAmount(timeout)
        requests.add(number, continuation, deadline: deadline, subject: subject)
        watch(deadline)
        guard case .takenAndIdle = admission else { return }
        // A request that nobody else's may follow is written at once. Those of many tasks share a write.
        if requests.count == 1 { flush() } else { scheduleFlush() }
    }

    private func watch(_ deadline: NIODeadline) {
        requests.watch(deadline) { deadline in
            loop.scheduleTask(deadline: deadline) { self.assumeIsolated { $0.expireRequests() } }
        }
    }

    private func expireRequests() {
        let (expired, next) = requests.expire(.now())
        if let next { watch(next) }
        for (continuation, subject) in expired {
            let error = NATSError(.timeout, "Nobody has answered the request to \(subject) in time.")
            continuation.resume(returning: .failure(error))
        }
    }

    /// Gives an answer to whoever waits for it.
    private func answer(_ message: NATSMessage) {
        // The last token is the number of the request.
        var number: UInt64 = 0
        var scale: UInt64 = 1
        for byte in message.subjectBytes.reversed() {
            guard byte != UInt8(ascii: ".") else { break }
            number = number &+ scale &* UInt64(byte &- UInt8(ascii: "0"))
            scale = scale &* 10
        }
        guard let (continuation, subject) = requests.remove(number) else { return }
        if message.hasHeaders, message.payloadLength == 0, message.status?.code == 503 {
            let error = NATSError(.noResponders, "Nobody answers requests to \(subject).")
            return continuation.resume(returning: .failure(error))
        }
        continuation.resume(returning: .success(message))
    }
}
