import Synchronization

/// A task that is suspended until somebody resumes it.
///
/// ``withWaiter(cancelled:register:remove:)`` makes one. It must be resumed exactly once, and by nobody who holds a
/// lock; see there.
public struct Waiter<Outcome: Sendable>: Sendable {
    /// What tells it from all others; one that waits longer has a smaller id.
    public let id: WaiterID

    private let continuation: CheckedContinuation<Outcome, Never>

    init(id: WaiterID, continuation: CheckedContinuation<Outcome, Never>) {
        self.id = id
        self.continuation = continuation
    }

    /// Resumes the task.
    ///
    /// - Parameter outcome: What it waited for.
    public func resume(returning outcome: Outcome) { continuation.resume(returning: outcome) }
}

extension Waiter where Outcome == Void {
    /// Resumes the task.
    public func resume() { resume(returning: ()) }
}

/// What tells a waiter from all others of the process.
public struct WaiterID: Hashable, Comparable, Sendable {
    private static let last = Atomic<UInt64>(0)

    private let number: UInt64

    /// Returns an id that no other waiter has.
    static func next() -> Self {
        WaiterID(number: last.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    /// Returns whether a waiter began to wait before another one.
    public static func < (lhs: Self, rhs: Self) -> Bool { lhs.number < rhs.number }
}

/// Suspends the task until somebody resumes it, or until it is cancelled.
///
/// ```swift
/// struct State {
///     var isReady = false
///     var waiters = WaiterTable<Void>()
/// }
/// let state = Mutex(State())
///
/// await withWaiter(cancelled: ()) { waiter in
///     state.withLock { state in
///         if state.isReady { return () }
///         state.waiters.insert(waiter)
///         return nil
///     }
/// } remove: { id in
///     state.withLock { $0.waiters.remove(id) }
/// }
/// ```
///
/// Never resume a waiter, or any continuation, and never give an element to an `AsyncStream`, while you hold a lock
/// that `remove`, another cancellation handler or `onTermination` takes. A handler runs with the task's status locked,
/// and resuming a task locks its status as well, so each side would wait for the other's lock. Take the waiters out
/// under the lock, and resume them behind it.
///
/// - Parameters:
///   - outcome: What is returned if the task is cancelled while it waits, or was before.
///   - register: Keeps the waiter, and returns `nil`; or returns what there is no need to wait for.
///   - remove: Takes the waiter out and returns it, if it is still kept. It is called when the task is cancelled,
///     perhaps more than once, and on any thread.
/// - Returns: What the waiter was resumed with.
public func withWaiter<Outcome: Sendable>(
    cancelled outcome: Outcome,
    register: (Waiter<Outcome>) -> Outcome?,
    remove: @Sendable (WaiterID) -> Waiter<Outcome>?
) async -> Outcome {
    let id = WaiterID.next()
    return await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
            if let outcome = register(Waiter(id: id, continuation: continuation)) {
                continuation.resume(returning: outcome)
            } else if Task.isCancelled {
                // The handler may have run before the waiter was kept, and found nothing.
                remove(id)?.resume(returning: outcome)
            }
        }
    } onCancel: {
        remove(id)?.resume(returning: outcome)
    }
}

/// Suspends the task until somebody resumes it, whether it is cancelled or not.
///
/// - Parameter register: Keeps the waiter, and returns `nil`; or returns what there is no need to wait for.
/// - Returns: What the waiter was resumed with.
public func withWaiter<Outcome: Sendable>(_ register: (Waiter<Outcome>) -> Outcome?) async -> Outcome {
    await withCheckedContinuation { continuation in
        let waiter = Waiter(id: .next(), continuation: continuation)
        if let outcome = register(waiter) { continuation.resume(returning: outcome) }
    }
}
