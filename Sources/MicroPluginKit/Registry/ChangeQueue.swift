import MicroCore
import Synchronization

/// The pending changes of one watcher, coalesced by node.
final class ChangeQueue: Sendable {
    fileprivate typealias Reader = Waiter<Result<RegistryChange?, any Error>>

    /// A reader, and what it is resumed with once no lock is held.
    struct Delivery {
        fileprivate let reader: Reader
        fileprivate let result: Result<RegistryChange?, any Error>

        func callAsFunction() { reader.resume(returning: result) }
    }

    private struct State {
        /// What is pending, in order.
        ///
        /// An entry whose number isn't the node's latest is stale.
        var order = FIFO<(number: Int, change: RegistryChange)>()
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
            if order.count > 2 * latest.count + 16 { sweep() }
        }

        mutating func pop() -> RegistryChange? {
            while let (number, change) = order.popFirst() {
                if let key = change.key {
                    guard latest[key] == number else { continue }
                    latest[key] = nil
                }
                return change
            }
            return nil
        }

        private mutating func sweep() {
            let latest = latest
            order.removeAll { entry in entry.change.key.map { latest[$0] != entry.number } ?? false }
        }
    }

    private let state = Mutex(State())

    /// Tells the directory that nobody reads any more.
    let onCancel: @Sendable () -> Void

    init(onCancel: @escaping @Sendable () -> Void) { self.onCancel = onCancel }

    deinit { onCancel() }

    /// The number of entries that take room, stale and read ones included.
    var storedCount: Int { state.withLock(\.order.storedCount) }

    /// Puts a change behind the others.
    ///
    /// - Returns: What the caller calls once it holds no lock: it resumes the reader.
    func push(_ change: RegistryChange) -> Delivery? {
        state.withLock { state in
            guard !state.isFinished else { return nil }
            state.push(change, key: change.key)
            guard let reader = state.reader, let next = state.pop() else { return nil }
            state.reader = nil
            return Delivery(reader: reader, result: .success(next))
        }
    }

    /// Ends the queue: the reader gets what is pending, and then the end.
    ///
    /// - Returns: What the caller calls once it holds no lock.
    func finish(throwing error: (any Error)?) -> Delivery? {
        state.withLock { state in
            state.failure = state.failure ?? error
            state.isFinished = true
            guard let reader = state.reader else { return nil }
            state.reader = nil
            return Delivery(reader: reader, result: error.map { .failure($0) } ?? .success(nil))
        }
    }

    func next() async throws -> RegistryChange? {
        let result = await withWaiter(cancelled: Result<RegistryChange?, any Error>.success(nil)) { reader in
            state.withLock { state in
                if let change = state.pop() { return .success(change) }
                if let failure = state.failure { return .failure(failure) }
                if state.isFinished || state.reader != nil { return .success(nil) }
                state.reader = reader
                return nil
            }
        } remove: { _ in
            let delivery = finish(throwing: nil)
            onCancel()
            return delivery?.reader
        }
        return try result.get()
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
