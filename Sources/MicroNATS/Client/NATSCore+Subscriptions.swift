internal import MicroCore
internal import NIOCore

/// Where the messages of a subscription go.
final class Receiver {
    let subject: String

    /// Where messages wait for who reads them; `nil` for the answers to requests.
    let inbox: SubscriptionInbox?

    /// Takes each message at once, in place of the inbox.
    let receive: (@Sendable (NATSMessage) -> Void)?

    private var isDropping = false

    init(subject: String, inbox: SubscriptionInbox?, receive: (@Sendable (NATSMessage) -> Void)?) {
        self.subject = subject
        self.inbox = inbox
        self.receive = receive
    }

    /// Records a delivery; returns whether messages are dropped that weren't dropped before.
    func beginsToDrop(_ dropped: Int) -> Bool {
        defer { isDropping = dropped > 0 }
        return dropped > 0 && !isDropping
    }
}

extension NATSCore {
    /// Begins a subscription, now and on every later connection.
    func subscribe(_ subject: String, queue: String?, limits: NATSSubscription.Limits) throws(NATSError)
        -> NATSSubscription
    {
        try subscribe(subject, queue: queue, inbox: SubscriptionInbox(limits: limits), receive: nil)
    }

    /// Begins a subscription whose messages go to a function, on the loop.
    func subscribe(
        _ subject: String, queue: String?, receive: @escaping @Sendable (NATSMessage) -> Void
    ) throws(NATSError) -> NATSSubscription {
        try subscribe(subject, queue: queue, inbox: SubscriptionInbox(limits: .init()), receive: receive)
    }

    private func subscribe(
        _ subject: String, queue: String?, inbox: SubscriptionInbox,
        receive: (@Sendable (NATSMessage) -> Void)?
    ) throws(NATSError) -> NATSSubscription {
        guard !machine.isClosed else { throw NATSError.closed }
        let number = add(subject, queue: queue, inbox: inbox, receive: receive)
        return NATSSubscription(self, subject: subject, queue: queue, number: number, inbox: inbox)
    }

    func add(
        _ subject: String, queue: String?, inbox: SubscriptionInbox?,
        receive: (@Sendable (NATSMessage) -> Void)? = nil
    ) -> UInt64 {
        let number = machine.subscribe(subject, queue: queue)
        receivers[number] = Receiver(subject: subject, inbox: inbox, receive: receive)
        apply()
        return number
    }

    /// Tells the server to send no more; what is on its way still arrives.
    func stopReceiving(_ number: UInt64) {
        machine.stopReceiving(number)
        apply()
    }

    /// Tells the server to send nothing more for the client's subscriptions.
    ///
    /// - Returns: The numbers of the subscriptions.
    func stopReceivingAll() -> [UInt64] {
        let numbers = receivers.filter { $0.value.inbox != nil }.map(\.key)
        for number in numbers { machine.stopReceiving(number) }
        apply()
        return numbers
    }

    /// Ends a subscription.
    func unsubscribe(_ number: UInt64) {
        machine.unsubscribe(number)
        apply()
    }

    /// Reads again if this subscription was in the way, and no other one is.
    func resumeReading(_ number: UInt64) {
        machine.resumeReading(number)
        apply()
    }

    func endSubscriptions(_ numbers: [UInt64], _ error: NATSError?) {
        for number in numbers {
            receivers.removeValue(forKey: number)?.inbox?.end(error)
            guard requests.subscription == number else { continue }
            // Without the answers' subject no request can succeed; the next one tries again.
            requests.subscription = nil
            if let error { failRequests(error) }
        }
    }
}

// MARK: - Messages

extension NATSCore {
    /// Messages of one subscription that came one after the other.
    struct Run {
        var receiver: Receiver?
        var number: UInt64 = 0
        var messages: [NATSMessage] = []

        /// How many messages have come in all.
        var count = 0
    }

    /// Adds a message to those of its subscription.
    func receive(_ message: NATSMessage, for number: UInt64, in run: inout Run) throws(ProtocolFault) {
        run.count += 1
        if run.number != number { try begin(&run, number) }
        guard let receiver = run.receiver else { return }
        if receiver.inbox != nil, receiver.receive == nil { return run.messages.append(message) }
        if let receive = receiver.receive { return receive(message) }
        answer(message)
    }

    private func begin(_ run: inout Run, _ number: UInt64) throws(ProtocolFault) {
        guard machine.isOpen else { throw ProtocolFault("a message came before the handshake was done") }
        deliver(&run)
        // A message may still be on its way when its subscription has ended.
        run.receiver = receivers[number]
        run.number = number
    }

    /// Hands messages to their subscriber.
    func deliver(_ run: inout Run) {
        guard !run.messages.isEmpty, let receiver = run.receiver, let inbox = receiver.inbox else { return }
        let effect = inbox.deliver(&run.messages)
        report(dropped: effect.dropped, receiver)
        if effect.mustSuspend { machine.suspendReading(run.number) }
    }
}
