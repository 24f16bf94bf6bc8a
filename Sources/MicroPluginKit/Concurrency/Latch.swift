import Synchronization

/// A gate that opens once, and that any number of tasks can wait at.
///
/// ```swift
/// let isReady = Latch()
/// // one task
/// isReady.open()
/// // others
/// await isReady.wait()
/// ```
public final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var waiters = WaiterTable<Void>()
    }

    private let state = Mutex(State())

    /// Creates a closed latch.
    public init() {}

    /// Whether it is open.
    public var isOpen: Bool { state.withLock(\.isOpen) }

    /// Opens it for good; doing so again changes nothing.
    public func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            return state.waiters.removeAll()
        }
        waiters.resumeAll()
    }

    /// Waits until it is open, or until the task is cancelled.
    public func wait() async {
        await withWaiter(cancelled: (), register: register) { id in
            state.withLock { $0.waiters.remove(id) }
        }
    }

    /// Waits until it is open.
    ///
    /// - Throws: A `CancellationError` if the task is cancelled before.
    public func waitUnlessCancelled() async throws(CancellationError) {
        await wait()
        guard isOpen else { throw CancellationError() }
    }

    /// Waits until it is open, also if the task is cancelled.
    public func waitIgnoringCancellation() async { await withWaiter(register) }

    /// Waits until it is open, the deadline has passed, or the task is cancelled.
    ///
    /// - Parameter deadline: The deadline.
    /// - Returns: Whether it is open.
    public func wait(until deadline: ContinuousClock.Instant) async -> Bool {
        if isOpen { return true }
        _ = await withDeadline(deadline) { await self.wait() }
        return isOpen
    }

    /// Waits until it is open, some time has passed, or the task is cancelled.
    ///
    /// - Parameters:
    ///   - limit: How long to wait.
    ///   - clock: The clock on which that time passes.
    /// - Returns: Whether it is open.
    public func wait(for limit: Duration, clock: any Clock<Duration>) async -> Bool {
        if isOpen { return true }
        _ = await withTimeLimit(limit, clock: clock) { await self.wait() }
        return isOpen
    }

    /// Waits until it is open, whatever happens: for ends that are orderly until a deadline, and forced then.
    ///
    /// - Parameters:
    ///   - deadline: Until when to wait only; cancelling the task moves it to now.
    ///   - force: Called once if it isn't open by then, to make it open soon.
    public func wait(until deadline: ContinuousClock.Instant, orForce force: () -> Void) async {
        guard await !wait(until: deadline) else { return }
        force()
        await waitIgnoringCancellation()
    }

    /// Does some work, and cancels it when the latch opens.
    ///
    /// - Parameter work: The work.
    /// - Returns: What the work returned.
    /// - Throws: What the work threw, or a `CancellationError` if the latch was opened first.
    public func runUntilOpen<Value: Sendable>(
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            // The work, and what cancels it: the second task ends when the latch opens, or cancelled by the first.
            group.addTask { try await work() }
            group.addTask {
                await self.wait()
                return nil
            }
            defer { group.cancelAll() }
            while let value = try await group.next() {
                if let value { return value }
                group.cancelAll()
            }
            throw CancellationError()
        }
    }

    private func register(_ waiter: Waiter<Void>) -> Void? {
        state.withLock { state in
            if state.isOpen { return () }
            state.waiters.insert(waiter)
            return nil
        }
    }
}
