import Synchronization

/// Something that happens once, and that any number of tasks can wait for.
public final class OneShot: Sendable {
    private struct State {
        var hasFired = false
        var nextWaiter = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    /// Creates something that has not happened.
    public init() {}

    /// Whether it has happened.
    public var hasFired: Bool { state.withLock { $0.hasFired } }

    /// Makes it happen; doing so again changes nothing.
    public func fire() {
        let waiters = state.withLock { state in
            state.hasFired = true
            defer { state.waiters = [:] }
            return state.waiters.values.map(\.self)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until it happens, or until the task is cancelled.
    public func wait() async {
        let number = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // The flag of cancellation is read under the lock that the handler takes: whichever comes
                // second sees the first.
                let isOver = state.withLock { state in
                    if state.hasFired || Task.isCancelled { return true }
                    state.waiters[number] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume()
        }
    }

    /// Waits until it happens, also if the task is cancelled.
    public func waitRegardless() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.hasFired { return true }
                state.nextWaiter += 1
                state.waiters[state.nextWaiter] = continuation
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    /// Waits until it happens, the moment has come, or the task is cancelled.
    ///
    /// - Parameter deadline: The moment.
    /// - Returns: Whether it has happened.
    public func wait(until deadline: ContinuousClock.Instant) async -> Bool {
        if hasFired { return true }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait() }
            group.addTask { try? await Task.sleep(until: deadline, clock: .continuous) }
            await group.next()
            group.cancelAll()
        }
        return hasFired
    }

    /// Does some work that is cancelled when it happens.
    ///
    /// - Parameter work: The work.
    /// - Returns: What the work returned.
    /// - Throws: What the work threw.
    public func cancelling<Value: Sendable>(
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
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
}
