import MicroCore
import Synchronization

/// The calls that run at a listener or on a connection.
final class CallSet: Sendable {
    private struct State {
        var isClosed = false
        var calls: [ObjectIdentifier: MemoryCall] = [:]
        var nextWaiter = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    var count: Int { state.withLock(\.calls.count) }

    var isClosed: Bool { state.withLock(\.isClosed) }

    /// Adds a call.
    ///
    /// - Returns: Whether the set is still open.
    func insert(_ call: MemoryCall) -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.calls[ObjectIdentifier(call)] = call
            return true
        }
    }

    /// Takes a call out; one that isn't there is no error.
    func remove(_ call: MemoryCall) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.calls[ObjectIdentifier(call)] = nil
            guard state.calls.isEmpty else { return [] }
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Accepts no more calls and returns when none is left.
    ///
    /// - Parameters:
    ///   - deadline: When the calls that remain are reset; cancelling the task moves it to now.
    ///   - error: What their callers are told.
    func drain(until deadline: ContinuousClock.Instant, _ error: MicroError) async {
        state.withLock { $0.isClosed = true }
        await withTaskGroup { group in
            group.addTask { await self.waitUntilEmptyOrCancelled() }
            group.addTask { try? await Task.sleep(until: deadline, clock: .continuous) }
            await group.next()
            group.cancelAll()
        }
        for call in state.withLock({ Array($0.calls.values) }) { call.reset(error) }
        await withCheckedContinuation { waiter in
            if !wait(with: waiter, number: nil) { waiter.resume() }
        }
    }

    private func waitUntilEmptyOrCancelled() async {
        let number = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                if !wait(with: waiter, number: number) { waiter.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume()
        }
    }

    /// Puts a waiter in the list.
    ///
    /// - Parameters:
    ///   - waiter: Whom to wake when the set is empty.
    ///   - number: The name under which it can be woken before; `nil` if cancellation doesn't wake it.
    /// - Returns: Whether there is anything to wait for.
    private func wait(with waiter: CheckedContinuation<Void, Never>, number: Int?) -> Bool {
        state.withLock { state in
            guard !state.calls.isEmpty, number == nil || !Task.isCancelled else { return false }
            state.nextWaiter += 1
            state.waiters[number ?? state.nextWaiter] = waiter
            return true
        }
    }
}
