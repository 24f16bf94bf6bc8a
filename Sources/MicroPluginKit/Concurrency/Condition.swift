import Synchronization

/// Wakes tasks that wait until something may have changed: a condition variable that misses no notification.
///
/// ```swift
/// let changes = Condition()
/// while !Task.isCancelled {
///     let generation = changes.generation
///     look()
///     await changes.wait(since: generation)
/// }
/// ```
public final class Condition: Sendable {
    private struct State {
        var generation = 0
        var waiters = WaiterTable<Void>()
    }

    private let state = Mutex(State())

    /// Creates a condition without notifications.
    public init() {}

    /// The number of notifications so far: take it before you look at what may change.
    public var generation: Int { state.withLock(\.generation) }

    /// Wakes all tasks that wait.
    public func notifyAll() {
        let waiters = state.withLock { state in
            state.generation += 1
            return state.waiters.removeAll()
        }
        waiters.resumeAll()
    }

    /// Waits until there is a notification, the deadline has passed, or the task is cancelled.
    ///
    /// - Parameters:
    ///   - generation: The notifications that are known; it returns at once if there have been more.
    ///   - deadline: The deadline; `nil` for none.
    public func wait(since generation: Int, until deadline: ContinuousClock.Instant? = nil) async {
        guard let deadline else { return await wait(generation) }
        _ = await withDeadline(deadline) { await self.wait(generation) }
    }

    /// Waits until there is a notification, some time has passed, or the task is cancelled.
    ///
    /// - Parameters:
    ///   - generation: The notifications that are known; it returns at once if there have been more.
    ///   - limit: How long to wait; `nil` for as long as it takes.
    ///   - clock: The clock on which that time passes.
    public func wait(since generation: Int, for limit: Duration?, clock: any Clock<Duration>) async {
        guard let limit else { return await wait(generation) }
        _ = await withTimeLimit(limit, clock: clock) { await self.wait(generation) }
    }

    private func wait(_ generation: Int) async {
        await withWaiter(cancelled: ()) { waiter in
            state.withLock { state in
                guard state.generation == generation else { return () }
                state.waiters.insert(waiter)
                return nil
            }
        } remove: { id in
            state.withLock { $0.waiters.remove(id) }
        }
    }
}
