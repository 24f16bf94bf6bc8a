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
    /// What a run does next.
    private enum Step {
        case handle(Item)
        case finished
        case aborted
    }

    private struct Sender {
        let item: Item
        let size: Int
        let waiter: Waiter<Bool>
    }

    private struct State {
        var waiting = FIFO<(item: Item, size: Int)>()
        var waitingBytes = 0
        var senders: [Sender] = []
        var running = 0
        var dropped = 0
        var isClosed = false
        var isAborted = false
        var reader: Waiter<Step>?

        mutating func append(_ item: Item, size: Int) {
            waiting.append((item, size))
            waitingBytes += size
        }

        mutating func popFirst() -> Item? {
            guard let (item, size) = waiting.popFirst() else { return nil }
            waitingBytes -= size
            return item
        }

        mutating func removeAll() -> [Item] {
            waitingBytes = 0
            return waiting.removeAll().map(\.item)
        }
    }

    private let concurrency: Int
    private let capacity: Int
    private let byteLimit: Int
    private let size: @Sendable (Item) -> Int
    private let handle: @Sendable (Item) async -> Bool
    private let discard: @Sendable (Item) -> Void
    private let state = Mutex(State())
    private let ended = Latch()

    /// Creates the queue of a subscription.
    ///
    /// - Parameters:
    ///   - options: How many events are handled at once and wait; numbers below 1 count as 1.
    ///   - byteLimit: How many bytes of events wait at most; 64 MiB by default. One event alone may be larger.
    ///   - size: Returns the number of bytes of an event; 0 by default, so that they are not bounded.
    ///   - discard: Told of each event that is dropped.
    ///   - handle: Handles one event, and returns `false` if it counts as dropped; its task is cancelled when
    ///     the subscription's time is up.
    public init(
        _ options: SubscriptionOptions, byteLimit: Int = 64 << 20,
        size: @escaping @Sendable (Item) -> Int = { _ in 0 },
        discard: @escaping @Sendable (Item) -> Void = { _ in },
        handle: @escaping @Sendable (Item) async -> Bool
    ) {
        concurrency = max(1, options.concurrency)
        capacity = max(1, options.bufferSize)
        self.byteLimit = byteLimit
        self.size = size
        self.handle = handle
        self.discard = discard
    }

    /// The number of events that were dropped because nobody could take them.
    public var dropped: Int { state.withLock { $0.dropped } }

    /// Puts an event into the queue; if that is full, the oldest events are dropped and counted.
    ///
    /// - Parameter item: The event.
    /// - Returns: Whether the subscription is open.
    @discardableResult
    public func offer(_ item: Item) -> Bool {
        let size = max(0, size(item))
        let (isTaken, dropped, wakeUp) = state.withLock { state -> (Bool, [Item], (() -> Void)?) in
            guard !state.isClosed else { return (false, [], nil) }
            var dropped: [Item] = []
            while !hasRoom(state, for: size), let oldest = state.popFirst() { dropped.append(oldest) }
            state.dropped += dropped.count
            state.append(item, size: size)
            return (true, dropped, advance(&state))
        }
        wakeUp?()
        for item in dropped { discard(item) }
        return isTaken
    }

    /// Puts an event into the queue; suspends while that is full.
    ///
    /// - Parameter item: The event.
    /// - Returns: Whether it was taken, which it isn't once the subscription ends or the task is cancelled.
    public func submit(_ item: Item) async -> Bool {
        let size = max(0, size(item))
        return await withWaiter(cancelled: false) { waiter in
            let (isTaken, wakeUp) = state.withLock { state -> (Bool?, (() -> Void)?) in
                guard !state.isClosed, !Task.isCancelled else { return (false, nil) }
                // Anyone who came before goes before, also where it needs more room.
                guard state.senders.isEmpty, hasRoom(state, for: size) else {
                    state.senders.append(Sender(item: item, size: size, waiter: waiter))
                    return (nil, nil)
                }
                state.append(item, size: size)
                return (true, advance(&state))
            }
            wakeUp?()
            return isTaken
        } remove: { id in
            let (sender, admitted) = state.withLock { state -> (Sender?, [Sender]) in
                guard let position = state.senders.firstIndex(where: { $0.waiter.id == id }) else {
                    return (nil, [])
                }
                // What it had no room for may be more than the next one needs.
                return (state.senders.remove(at: position), admit(&state))
            }
            for sender in admitted { sender.waiter.resume(returning: true) }
            return sender?.waiter
        }
    }

    /// Takes no more events, lets those that wait be handled, and returns when the last handler has.
    ///
    /// What is left when the deadline has passed, or this task is cancelled, is cancelled or dropped and
    /// counted. A handler that drains its own queue waits for the others only, until the deadline.
    ///
    /// - Parameter deadline: Until when events are handled.
    public func drain(deadline: ContinuousClock.Instant) async {
        let (senders, wakeUp) = state.withLock { state in
            state.isClosed = true
            defer { state.senders = [] }
            return (state.senders, advance(&state))
        }
        for sender in senders { sender.waiter.resume(returning: false) }
        wakeUp?()
        guard !(await ended.wait(until: deadline)) else { return }
        abort()
        // What a handler awaits here can't happen before it returns itself.
        if HandlerScope.queue != ObjectIdentifier(self) { await ended.waitIgnoringCancellation() }
    }

    /// Handles events until the queue is drained or the task is cancelled.
    func run() async {
        await withTaskCancellationHandler {
            await HandlerScope.$queue.withValue(ObjectIdentifier(self)) { await runHandlers() }
        } onCancel: {
            abort()
        }
        end()
    }

    private func runHandlers() async {
        await withDiscardingTaskGroup { group in
            while true {
                switch await next() {
                case .handle(let item):
                    group.addTask {
                        self.handlerReturned(isDropped: !(await self.handle(item)))
                    }
                case .finished:
                    return
                case .aborted:
                    return group.cancelAll()
                }
            }
        }
    }

    /// Drops what waits: nobody runs the queue any more.
    func end() {
        abort()
        ended.open()
    }

    /// Drops what waits, and has the handlers cancelled.
    private func abort() {
        let (left, senders, wakeUp) = state.withLock { state in
            state.isClosed = true
            state.isAborted = true
            let left = state.removeAll()
            state.dropped += left.count
            defer { state.senders = [] }
            return (left, state.senders, advance(&state))
        }
        for sender in senders { sender.waiter.resume(returning: false) }
        for item in left { discard(item) }
        wakeUp?()
    }

    private func handlerReturned(isDropped: Bool) {
        let wakeUp = state.withLock { state in
            state.running -= 1
            if isDropped { state.dropped += 1 }
            return advance(&state)
        }
        wakeUp?()
    }

    private func next() async -> Step {
        await withWaiter { waiter in
            let wakeUp = state.withLock { state in
                state.reader = waiter
                return advance(&state)
            }
            wakeUp?()
            return nil
        }
    }

    /// Returns what resumes the run, if there is something to do; it is called without the lock.
    private func advance(_ state: inout State) -> (() -> Void)? {
        guard let reader = state.reader, let step = step(&state) else { return nil }
        state.reader = nil
        let admitted = admit(&state)
        return {
            for sender in admitted { sender.waiter.resume(returning: true) }
            reader.resume(returning: step)
        }
    }

    /// Takes the events of those who wait for room, as far as there is room.
    private func admit(_ state: inout State) -> [Sender] {
        var admitted: [Sender] = []
        while let sender = state.senders.first, hasRoom(state, for: sender.size) {
            state.append(sender.item, size: sender.size)
            admitted.append(state.senders.removeFirst())
        }
        return admitted
    }

    private func hasRoom(_ state: State, for size: Int) -> Bool {
        state.waiting.isEmpty
            || (state.waiting.count < capacity && size <= byteLimit - state.waitingBytes)
    }

    private func step(_ state: inout State) -> Step? {
        if state.isAborted { return .aborted }
        if state.running < concurrency, let item = state.popFirst() {
            state.running += 1
            return .handle(item)
        }
        return state.isClosed && state.waiting.isEmpty && state.running == 0 ? .finished : nil
    }
}

/// The queue whose handler the task is in.
private enum HandlerScope {
    @TaskLocal static var queue: ObjectIdentifier?
}
