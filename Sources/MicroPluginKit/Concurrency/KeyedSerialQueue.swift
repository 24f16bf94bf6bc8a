import Synchronization

/// Lets tasks do something one after the other for each key, in the order in which they come.
public final class KeyedSerialQueue<Key: Hashable & Sendable>: Sendable {
    /// Those who wait, for each key that is taken.
    private let queues = Mutex<[Key: [Waiter<Bool>]]>([:])

    /// Creates a queue whose keys are all free.
    public init() {}

    /// Does something when it is the task's turn.
    ///
    /// - Parameters:
    ///   - key: What no other task has meanwhile.
    ///   - cancellation: What is thrown if the task is cancelled while it waits.
    ///   - body: What to do.
    /// - Returns: What the body returned.
    /// - Throws: What the body threw, or the error of the cancellation.
    public func run<Value, Failure: Error>(
        _ key: Key, cancelled cancellation: @autoclosure () -> Failure,
        _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        guard await begin(key) else { throw cancellation() }
        defer { end(key) }
        return try await body()
    }

    private func begin(_ key: Key) async -> Bool {
        await withWaiter(cancelled: false) { waiter in
            queues.withLock { queues in
                if Task.isCancelled { return false }
                guard queues[key] != nil else {
                    queues[key] = []
                    return true
                }
                queues[key]?.append(waiter)
                return nil
            }
        } remove: { id in
            queues.withLock { queues in
                guard let position = queues[key]?.firstIndex(where: { $0.id == id }) else { return nil }
                return queues[key]?.remove(at: position)
            }
        }
    }

    private func end(_ key: Key) {
        let next = queues.withLock { queues -> Waiter<Bool>? in
            guard let queue = queues[key], !queue.isEmpty else {
                queues[key] = nil
                return nil
            }
            return queues[key]?.removeFirst()
        }
        next?.resume(returning: true)
    }
}
