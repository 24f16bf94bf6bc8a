internal import NIOCore

/// The messages of a subject, as they come.
///
/// One task reads a subscription. It ends with `nil` after ``unsubscribe()``, ``drain()`` or the client's
/// end, and throws if the server takes it away, for example because a permission is missing. It outlives
/// reconnects, during which messages are lost: NATS itself delivers at most once. When the last reference
/// to it goes, it is unsubscribed.
///
/// ```swift
/// let subscription = try await client.subscribe(to: "orders.*", queue: "billing")
/// for try await message in subscription { print(message.subject, message.payload.readableBytes) }
/// ```
public final class NATSSubscription: Sendable, AsyncSequence {
    /// What happens to messages that the subscriber doesn't take in time.
    public struct Overflow: Hashable, Sendable {
        private enum Kind { case dropOldest, dropNewest, suspend }

        private let kind: Kind

        /// The message that has waited longest is dropped and counted.
        public static var dropOldest: Self { Self(kind: .dropOldest) }

        /// The message that arrives is dropped and counted.
        public static var dropNewest: Self { Self(kind: .dropNewest) }

        /// Nothing is read from the connection until the subscriber has caught up by half.
        ///
        /// It stops all subscriptions of the client, and a server cuts connections that stand still for
        /// long: use it where a subscriber is only ever slow for a moment.
        public static var suspend: Self { Self(kind: .suspend) }
    }

    /// How much waits for the subscriber at most, and what happens to more.
    public struct Limits: Hashable, Sendable {
        /// How many messages wait.
        public var messages: Int

        /// How many bytes wait.
        public var bytes: Int

        /// What happens to more.
        public var overflow: Overflow

        /// How many messages the reader takes at once; 1 makes the count of those that wait exact.
        var batch = 1024

        /// Whether the reader is told of new connections.
        var tellsReconnects = false

        /// Creates limits.
        ///
        /// - Parameters:
        ///   - messages: How many messages wait, at least 1.
        ///   - bytes: How many bytes wait.
        ///   - overflow: What happens to more.
        public init(messages: Int = 65536, bytes: Int = 64 << 20, overflow: Overflow = .dropOldest) {
            self.messages = Swift.max(messages, 1)
            self.bytes = Swift.max(bytes, 1)
            self.overflow = overflow
        }
    }

    /// The subject, perhaps with wildcards.
    public let subject: String

    /// The queue group, if there is one.
    public let queue: String?

    let number: UInt64
    let inbox: SubscriptionInbox
    private let core: NATSCore

    init(_ core: NATSCore, subject: String, queue: String?, number: UInt64, inbox: SubscriptionInbox) {
        self.core = core
        self.subject = subject
        self.queue = queue
        self.number = number
        self.inbox = inbox
    }

    deinit {
        core.loop.execute { [core, number] in core.assumeIsolated { $0.unsubscribe(number) } }
    }

    /// How many messages were dropped because they weren't taken in time.
    public var dropped: Int { inbox.dropped }

    /// How many messages wait.
    public var pending: Int { inbox.count }

    /// Why the server has taken the subscription away, if it has.
    public var failure: NATSError? { inbox.failure }

    /// Ends the subscription; messages that wait can still be read.
    public func unsubscribe() async {
        await core.unsubscribe(number)
    }

    /// Ends the subscription once all that the server has sent is here; it can still be read.
    ///
    /// - Parameter timeout: How long to wait for the server.
    /// - Throws: A ``NATSError`` if the server doesn't answer; the subscription has ended all the same.
    public func drain(timeout: Duration = .seconds(5)) async throws(NATSError) {
        await core.stopReceiving(number)
        let result = await core.roundTrip(timeout: timeout)
        await core.unsubscribe(number)
        try result.get()
    }

    /// Returns an iterator over the messages.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// Reads a subscription.
    public struct Iterator: AsyncIteratorProtocol {
        private let subscription: NATSSubscription
        private var batch: [NATSMessage] = []
        private var position = 0

        init(_ subscription: NATSSubscription) { self.subscription = subscription }

        /// Waits for the next message.
        ///
        /// - Returns: The message, or `nil` when the subscription has ended or the task is cancelled.
        /// - Throws: A ``NATSError`` if the server has taken the subscription away.
        public mutating func next() async throws(NATSError) -> NATSMessage? {
            if position < batch.count {
                defer { position += 1 }
                return batch[position]
            }
            return try await refill()
        }

        private mutating func refill() async throws(NATSError) -> NATSMessage? {
            batch = []
            while true {
                switch await subscription.take() {
                case .messages(let messages):
                    guard let first = messages.first else { continue }
                    batch = messages
                    position = 1
                    return first
                case .ended(let failure?): throw failure
                case .ended(nil), .cancelled: return nil
                case .timedOut, .reconnected: continue
                }
            }
        }

        /// Waits for the next message.
        ///
        /// - Parameter actor: The isolation of the caller.
        /// - Returns: The message, or `nil` when the subscription has ended or the task is cancelled.
        /// - Throws: A ``NATSError`` if the server has taken the subscription away.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(NATSError)
            -> NATSMessage?
        {
            try await next()
        }
    }
}

extension NATSSubscription {
    /// Takes what has come, or waits for it.
    func take() async -> SubscriptionInbox.Outcome {
        await inbox.take(resumeReading: resumeReading)
    }

    /// Takes what has come, or waits for it for some time.
    func take(within limit: Duration) async -> SubscriptionInbox.Outcome {
        let timer = TimerBox()
        let loop = core.loop
        let outcome = await inbox.take(resumeReading: resumeReading) { [inbox] number in
            timer.task = loop.scheduleTask(in: TimeAmount(limit)) { inbox.timeOut(number) }
        }
        timer.task?.cancel()
        return outcome
    }

    private func resumeReading() {
        core.loop.execute { [core, number] in core.assumeIsolated { $0.resumeReading(number) } }
    }
}

/// A timer that a closure starts and its maker stops, in one task.
private final class TimerBox {
    var task: Scheduled<Void>?
}
