public import MicroCore
import Synchronization

/// The events that wait for a subscription's handler, and what handles them, for those who write a broker.
///
/// It keeps the promises of ``SubscriptionOptions``: so many events are handled at once, so many wait, and
/// what comes first is handled first. What waits is bounded in bytes as well, where it knows how large an
/// event is. A ``SubscriptionRunner`` runs it:
///
/// ```swift
/// let queue = SubscriptionQueue<BrokerEvent>(options, size: { $0.body.count }) { event in
///     await ReceivedEvent.deliver(event, to: handler) == .ack
/// }
/// try await runner.start(queue)
/// …
/// queue.offer(event)                        // from a wire that can't be held up
/// await queue.submit(event)                 // from one that can
/// …
/// await queue.drain(deadline: deadline)
/// ```
public final class SubscriptionQueue<Item: Sendable>: Sendable {
    struct State {
        var buffer: EventBuffer<Item>
        var workers: Workers<Item>
        var isClosed = false
        var isAborted = false
    }

    private let size: @Sendable (Item) -> Int
    let settlement: Settlement<Item>
    let state: Mutex<State>
    let ended = Latch()

    /// Creates the queue of a subscription.
    ///
    /// - Parameters:
    ///   - options: How many events are handled at once and wait; numbers below 1 count as 1.
    ///   - byteLimit: How many bytes of events wait at most; 64 MiB by default. One event alone may be larger.
    ///   - size: Returns the number of bytes of an event; 0 by default, so that they are not bounded.
    ///   - discard: Called with each event that is dropped before it was handled.
    ///   - handle: Handles one event, and returns `false` if it counts as dropped; its task is cancelled when
    ///     the subscription's time is up.
    public init(
        _ options: SubscriptionOptions, byteLimit: Int = 64 << 20,
        size: @escaping @Sendable (Item) -> Int = { _ in 0 },
        discard: @escaping @Sendable (Item) -> Void = { _ in },
        handle: @escaping @Sendable (Item) async -> Bool
    ) {
        self.size = size
        settlement = Settlement(discard: discard, handler: handle)
        state = Mutex(
            State(
                buffer: EventBuffer(capacity: max(1, options.bufferSize), byteLimit: byteLimit),
                workers: Workers(limit: max(1, options.concurrency))))
    }

    /// The number of events that were dropped because nobody could take them.
    public var dropped: Int { settlement.dropped }

    /// Puts an event into the queue; if that is full, the oldest events are dropped and counted.
    ///
    /// - Parameter item: The event.
    /// - Returns: Whether the subscription is open.
    @discardableResult
    public func offer(_ item: Item) -> Bool {
        let size = max(0, size(item))
        let (isTaken, dropped, wakeUp) = state.withLock { state -> (Bool, [Item], WakeUp?) in
            guard !state.isClosed else { return (false, [], nil) }
            let dropped = state.buffer.append(item, size: size)
            return (true, dropped, advance(&state))
        }
        wakeUp?()
        if !dropped.isEmpty { settlement.drop(dropped) }
        return isTaken
    }

    /// Puts an event into the queue; suspends while that is full.
    ///
    /// - Parameter item: The event.
    /// - Returns: Whether it was taken, which it isn't once the subscription ends or the task is cancelled.
    public func submit(_ item: Item) async -> Bool {
        let size = max(0, size(item))
        return await withWaiter(cancelled: false) { waiter in
            let (isTaken, wakeUp) = state.withLock { state -> (Bool?, WakeUp?) in
                guard !state.isClosed, !Task.isCancelled else { return (false, nil) }
                guard state.buffer.appendIfThereIsRoom(item, size: size) else {
                    state.buffer.wait(.init(item: item, size: size, waiter: waiter))
                    return (nil, nil)
                }
                return (true, advance(&state))
            }
            wakeUp?()
            return isTaken
        } remove: { id in
            typealias Sender = EventBuffer<Item>.Sender
            let (sender, admitted) = state.withLock { state -> (Sender?, [Sender]) in
                // What it had no room for may be more than the next one needs.
                let sender = state.buffer.removeSender(id)
                return (sender, sender == nil ? [] : state.buffer.admit())
            }
            for sender in admitted { sender.waiter.resume(returning: true) }
            return sender?.waiter
        }
    }
}
