/// The tasks that wait for something, as a part of a state that a lock guards.
///
/// The code that takes waiters out resumes them behind the lock; see ``withWaiter(cancelled:register:remove:)``.
public struct WaiterTable<Outcome: Sendable>: Sendable {
    private var waiters: [WaiterID: Waiter<Outcome>] = [:]

    /// Creates an empty table.
    public init() {}

    /// The number of tasks that wait.
    public var count: Int { waiters.count }

    /// Whether no task waits.
    public var isEmpty: Bool { waiters.isEmpty }

    /// Puts a waiter in.
    ///
    /// - Parameter waiter: The waiter.
    public mutating func insert(_ waiter: Waiter<Outcome>) { waiters[waiter.id] = waiter }

    /// Takes a waiter out.
    ///
    /// - Parameter id: The waiter's id.
    /// - Returns: The waiter, if it was there.
    public mutating func remove(_ id: WaiterID) -> Waiter<Outcome>? { waiters.removeValue(forKey: id) }

    /// Takes all waiters out.
    ///
    /// - Returns: The waiters, the one that has waited longest first.
    public mutating func removeAll() -> [Waiter<Outcome>] {
        guard !waiters.isEmpty else { return [] }
        defer { waiters = [:] }
        return waiters.count > 1 ? waiters.values.sorted { $0.id < $1.id } : Array(waiters.values)
    }
}

extension Sequence {
    /// Resumes all waiters; called without a lock.
    ///
    /// - Parameter outcome: What they waited for.
    public func resumeAll<Outcome>(returning outcome: Outcome) where Element == Waiter<Outcome> {
        for waiter in self { waiter.resume(returning: outcome) }
    }

    /// Resumes all waiters; called without a lock.
    public func resumeAll() where Element == Waiter<Void> { resumeAll(returning: ()) }
}
