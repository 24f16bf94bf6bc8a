import MicroCore
import Synchronization

/// The pending changes of one watcher, coalesced by node.
final class ChangeQueue: Sendable {
    private typealias Reader = CheckedContinuation<RegistryChange?, any Error>

    private struct State {
        /// What is pending, in order.
        ///
        /// An entry whose number isn't the node's latest is stale.
        var order: [(number: Int, change: RegistryChange)] = []
        var head = 0
        var latest: [NodeKey: Int] = [:]
        var number = 0
        var failure: (any Error)?
        var isFinished = false
        var reader: Reader?

        mutating func push(_ change: RegistryChange, key: NodeKey?) {
            number += 1
            if let key { latest[key] = number }
            order.append((number, change))
            // Stale entries are swept when they outnumber the live ones, so the queue is bounded by
            // twice the number of nodes.
            if order.count - head > 2 * latest.count + 16 { sweep() }
        }

        mutating func pop() -> RegistryChange? {
            while head < order.count {
                let (number, change) = order[head]
                head += 1
                if let key = change.key {
                    guard latest[key] == number else { continue }
                    latest[key] = nil
                }
                dropRead()
                return change
            }
            dropRead()
            return nil
        }

        /// Gives the room of what was read back, once it is half of all.
        ///
        /// A queue that is never quite empty would grow forever otherwise.
        private mutating func dropRead() {
            guard head * 2 >= order.count else { return }
            order.removeFirst(head)
            head = 0
        }

        private mutating func sweep() {
            let latest = latest
            order = order[head...].filter { entry in
                entry.change.key.map { latest[$0] == entry.number } ?? true
            }
            head = 0
        }
    }

    private let state = Mutex(State())

    /// Tells the directory that nobody reads any more.
    let onCancel: @Sendable () -> Void

    init(onCancel: @escaping @Sendable () -> Void) { self.onCancel = onCancel }

    deinit { onCancel() }

    /// The number of entries that take room, stale and read ones included.
    var storedCount: Int { state.withLock(\.order.count) }

    func push(_ change: RegistryChange) {
        let ready = state.withLock { state -> (reader: Reader, change: RegistryChange)? in
            guard !state.isFinished else { return nil }
            state.push(change, key: change.key)
            guard let reader = state.reader, let next = state.pop() else { return nil }
            state.reader = nil
            return (reader, next)
        }
        ready?.reader.resume(returning: ready?.change)
    }

    func finish(throwing error: (any Error)?) {
        let reader = state.withLock { state in
            state.failure = state.failure ?? error
            state.isFinished = true
            defer { state.reader = nil }
            return state.reader
        }
        guard let reader else { return }
        if let error { reader.resume(throwing: error) } else { reader.resume(returning: nil) }
    }

    func next() async throws -> RegistryChange? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<RegistryChange?, any Error>? = state.withLock { state in
                    if let change = state.pop() { return .success(change) }
                    if let failure = state.failure { return .failure(failure) }
                    if state.isFinished || state.reader != nil { return .success(nil) }
                    state.reader = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            finish(throwing: nil)
            onCancel()
        }
    }
}

extension RegistryChange {
    /// The node that the change is about, if it is about one.
    var key: NodeKey? {
        switch self {
        case .up(let record): record.keys.first
        case .down(let key): key
        case .synced: nil
        }
    }
}
