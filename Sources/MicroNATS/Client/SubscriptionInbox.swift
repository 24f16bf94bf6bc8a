internal import NIOCore
internal import Synchronization

/// The messages that wait for one subscriber, in bounds.
///
/// It isn't the plugin kit's `SubscriptionQueue`, which starts handlers: a subscriber of the bare client pulls, a
/// whole read at a time, waits with a time limit, and may have the connection's reading suspended. Where
/// events go to handlers, as in the broker, messages pass this by and go straight into that queue.
final class SubscriptionInbox: Sendable {
    /// What a subscriber gets.
    enum Outcome {
        case messages([NATSMessage])

        /// The subscription has ended, in error or not; its last messages have been taken.
        case ended(NATSError?)

        /// Nothing came in the time that was given.
        case timedOut

        /// The connection was replaced by another one.
        case reconnected
        case cancelled
    }

    /// What a delivery led to.
    struct Effect {
        var dropped = 0

        /// Whether nothing more should be read until the subscriber has caught up.
        var mustSuspend = false
    }

    private struct State {
        var messages = CircularBuffer<NATSMessage>()
        var bytes = 0

        /// How many messages a subscriber has taken that it hasn't looked at yet.
        var held = 0
        var dropped = 0
        var waiter: (number: UInt64, continuation: CheckedContinuation<Outcome, Never>)?
        var lastWaiter: UInt64 = 0
        var isEnded = false
        var failure: NATSError?
        var hasReconnected = false
        var isSuspended = false
    }

    private let state = Mutex(State())
    let limits: NATSSubscription.Limits

    init(limits: NATSSubscription.Limits) { self.limits = limits }

    var dropped: Int { state.withLock(\.dropped) }
    var count: Int { state.withLock { $0.messages.count + $0.held } }
    var failure: NATSError? { state.withLock(\.failure) }
}

// MARK: - For the connection's loop

extension SubscriptionInbox {
    /// Adds what one read has brought, and empties it.
    func deliver(_ arrived: inout [NATSMessage]) -> Effect {
        var effect = Effect()
        let resumption = state.withLock { state -> (CheckedContinuation<Outcome, Never>, Outcome)? in
            guard !state.isEnded else { return nil }
            for message in arrived { add(message, to: &state, &effect) }
            state.dropped += effect.dropped
            // This is said again as long as it holds: a new connection is read whatever was said before.
            if limits.overflow == .suspend, isFull(state) {
                state.isSuspended = true
                effect.mustSuspend = true
            }
            guard let waiter = state.waiter, !state.messages.isEmpty else { return nil }
            state.waiter = nil
            return (waiter.continuation, .messages(Self.takeAll(&state, limits.batch)))
        }
        arrived.removeAll(keepingCapacity: true)
        resumption?.0.resume(returning: resumption?.1 ?? .cancelled)
        return effect
    }

    private func isFull(_ state: State) -> Bool {
        state.messages.count + state.held >= limits.messages || state.bytes >= limits.bytes
    }

    private func add(_ message: NATSMessage, to state: inout State, _ effect: inout Effect) {
        let weight = message.weight
        if limits.overflow != .suspend {
            while state.messages.count + state.held >= limits.messages
                || (state.bytes > 0 && state.bytes + weight > limits.bytes)
            {
                guard limits.overflow == .dropOldest, let oldest = state.messages.popFirst() else {
                    effect.dropped += 1
                    return
                }
                state.bytes -= oldest.weight
                effect.dropped += 1
            }
        }
        state.messages.append(message)
        state.bytes += weight
    }

    /// Ends the subscription behind the messages that it has.
    func end(_ failure: NATSError?) {
        let waiter = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
            guard !state.isEnded else { return nil }
            state.isEnded = true
            state.failure = failure
            defer { state.waiter = nil }
            return state.waiter?.continuation
        }
        waiter?.resume(returning: .ended(failure))
    }

    /// Tells the subscriber that there is a new connection.
    func reconnected() {
        let waiter = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
            guard limits.tellsReconnects else { return nil }
            guard let waiter = state.waiter else {
                state.hasReconnected = true
                return nil
            }
            state.waiter = nil
            return waiter.continuation
        }
        waiter?.resume(returning: .reconnected)
    }

    /// Gives up waiting.
    func timeOut(_ number: UInt64) { interrupt(number, .timedOut) }

    private func interrupt(_ number: UInt64, _ outcome: Outcome) {
        let waiter = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
            guard let waiter = state.waiter, waiter.number == number else { return nil }
            state.waiter = nil
            return waiter.continuation
        }
        waiter?.resume(returning: outcome)
    }
}

// MARK: - For the subscriber

extension SubscriptionInbox {
    private static func takeAll(_ state: inout State, _ batch: Int) -> [NATSMessage] {
        let count = min(state.messages.count, batch)
        var taken: [NATSMessage] = []
        taken.reserveCapacity(count)
        for _ in 0..<count {
            guard let message = state.messages.popFirst() else { break }
            state.bytes -= message.weight
            taken.append(message)
        }
        state.held = max(taken.count - 1, 0)
        return taken
    }

    /// Takes what has come, or waits for it.
    ///
    /// - Parameters:
    ///   - resumeReading: Called when reading was suspended for this queue and may go on.
    ///   - startTimer: Called with a number for ``timeOut(_:)`` when it waits.
    /// - Returns: What has come, or why nothing will.
    func take(
        resumeReading: () -> Void, startTimer: (UInt64) -> Void = { _ in }
    ) async -> Outcome {
        let number = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        if let outcome = takeNow(resumeReading: resumeReading) { return outcome }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                typealias Waiter = CheckedContinuation<Outcome, Never>
                let (outcome, previous) = state.withLock { state -> (Outcome?, Waiter?) in
                    if let outcome = Self.ready(&state, limits.batch) { return (outcome, nil) }
                    if Task.isCancelled { return (.cancelled, nil) }
                    let previous = state.waiter?.continuation
                    state.waiter = (number, continuation)
                    return (nil, previous)
                }
                // A subscription has one reader; a second one takes the first one's place.
                previous?.resume(returning: .cancelled)
                guard let outcome else {
                    // A timer that fires at once finds the waiter.
                    return startTimer(number)
                }
                continuation.resume(returning: outcome)
            }
        } onCancel: {
            interrupt(number, .cancelled)
        }
    }

    private func takeNow(resumeReading: () -> Void) -> Outcome? {
        let (outcome, resumes) = state.withLock { state -> (Outcome?, Bool) in
            state.held = 0
            let outcome = Self.ready(&state, limits.batch)
            guard state.isSuspended, state.messages.count <= limits.messages / 2,
                state.bytes <= limits.bytes / 2
            else { return (outcome, false) }
            state.isSuspended = false
            return (outcome, true)
        }
        if resumes { resumeReading() }
        return outcome
    }

    private static func ready(_ state: inout State, _ batch: Int) -> Outcome? {
        if !state.messages.isEmpty { return .messages(takeAll(&state, batch)) }
        if state.isEnded { return .ended(state.failure) }
        if state.hasReconnected {
            state.hasReconnected = false
            return .reconnected
        }
        return nil
    }
}
