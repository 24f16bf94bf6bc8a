package import MicroCore
internal import Synchronization

/// Lets tasks do something one after the other, each key by itself, in the order in which they come.
package final class Turns<Key: Hashable & Sendable>: Sendable {
    private struct State {
        /// Those who wait, for each key that somebody has.
        var queues: [Key: [(number: Int, waiter: CheckedContinuation<Bool, Never>)]] = [:]
        var lastNumber = 0
    }

    private let state = Mutex(State())

    /// Creates one in which nobody has a turn.
    package init() {}

    /// Does something when it is the task's turn.
    ///
    /// - Parameters:
    ///   - key: What others wait for meanwhile.
    ///   - body: What to do.
    /// - Returns: What the body returned.
    /// - Throws: What the body threw, or that the task was cancelled while it waited.
    package func take<Value>(_ key: Key, _ body: () async throws(MicroError) -> Value)
        async throws(MicroError)
        -> Value
    {
        guard await begin(key) else { throw EtcdErrors.cancelled }
        defer { end(key) }
        return try await body()
    }

    private func begin(_ key: Key) async -> Bool {
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                let answer: Bool? = state.withLock { state in
                    // The flag of cancellation is read under the lock that the handler takes: whichever comes
                    // second sees the first.
                    if Task.isCancelled { return false }
                    guard state.queues[key] != nil else {
                        state.queues[key] = []
                        return true
                    }
                    state.queues[key]?.append((number, waiter))
                    return nil
                }
                if let answer { waiter.resume(returning: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
                guard let position = state.queues[key]?.firstIndex(where: { $0.number == number }) else {
                    return nil
                }
                return state.queues[key]?.remove(at: position).waiter
            }
            waiter?.resume(returning: false)
        }
    }

    private func end(_ key: Key) {
        let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard let queue = state.queues[key], !queue.isEmpty else {
                state.queues[key] = nil
                return nil
            }
            return state.queues[key]?.removeFirst().waiter
        }
        next?.resume(returning: true)
    }
}
