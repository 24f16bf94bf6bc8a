import MicroCore
internal import Synchronization

/// The open connections of a client: how many there are, which are unused, and what is to be closed.
final class ConnectionPool: Sendable {
    private struct Entry {
        let slot: PooledConnection
        var uses: UInt64 = 0
        var unusedSince: ContinuousClock.Instant?
    }

    private struct State {
        var entries: [ObjectIdentifier: Entry] = [:]
        var totals = (opened: 0, closed: 0)
        var isStopped = false

        mutating func remove(_ slot: PooledConnection) {
            if entries.removeValue(forKey: ObjectIdentifier(slot)) != nil { totals.closed += 1 }
        }
    }

    private let size: Int
    private let timeToLive: Duration
    private let state = Mutex(State())
    private let actions: ClientActions

    /// The clock by which nodes that are down are tried again.
    let time: TimeSource

    init(size: Int, timeToLive: Duration, actions: ClientActions, time: TimeSource) {
        self.size = size
        self.timeToLive = timeToLive
        self.actions = actions
        self.time = time
    }

    /// Whether the client has stopped.
    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// How many connections there are, and on how many of them calls run.
    var counts: (open: Int, used: Int) {
        let slots = state.withLock { $0.entries.values.map(\.slot) }
        return (slots.count, slots.count { $0.isInUse })
    }

    /// How many connections were begun, and how many have ended.
    var totals: (opened: Int, closed: Int) { state.withLock(\.totals) }

    /// Makes room for a connection.
    ///
    /// - Parameter slot: Where it will be.
    /// - Throws: `unavailable` if the pool is full of connections that are in use, or the client has stopped.
    func admit(_ slot: PooledConnection) throws(MicroError) {
        let (isFull, isStopped, others) = state.withLock { state -> (Bool, Bool, [PooledConnection]) in
            if state.isStopped { return (false, true, []) }
            let isFull = state.entries.count >= size
            if !isFull {
                state.entries[ObjectIdentifier(slot)] = Entry(slot: slot)
                state.totals.opened += 1
            }
            return (isFull, false, isFull ? state.entries.values.map(\.slot) : [])
        }
        if isStopped { throw ClientErrors.unavailable("The client has stopped.") }
        guard isFull else { return }
        for other in others {
            guard let connection = other.takeIdle(uses: other.uses) else { continue }
            closed(other)
            actions.close(connection)
            return try admit(slot)
        }
        throw ClientErrors.unavailable(
            "All \(size) connections of the client are in use. Raise MICRO_CLIENT_POOL_SIZE, which bounds them."
        )
    }

    /// Records that a slot has no connection any more.
    func closed(_ slot: PooledConnection) {
        state.withLock { $0.remove(slot) }
    }

    /// Records that a connection has a new slot.
    func moved(from old: PooledConnection, to new: PooledConnection) {
        state.withLock { state in
            guard state.entries.removeValue(forKey: ObjectIdentifier(old)) != nil else { return }
            state.entries[ObjectIdentifier(new)] = Entry(slot: new)
        }
    }

    /// Closes a connection that can't be used any more; calls that run on it may finish.
    func discard(_ connection: any Connection, of slot: PooledConnection) {
        closed(slot)
        actions.close(connection)
    }

    /// Has a connection tried, beside the calls.
    func probe(_ slot: PooledConnection) { actions.probe(slot) }

    /// Closes the connections that were unused for the time to live, and the lost ones.
    ///
    /// - Parameter now: The present moment.
    func sweep(now: ContinuousClock.Instant) {
        let entries = state.withLock { $0.entries }
        for (id, entry) in entries {
            let uses = entry.slot.uses
            let isDue = entry.uses == uses && entry.unusedSince.map { now - $0 >= timeToLive } ?? false
            if let connection = entry.slot.takeIdle(uses: isDue ? uses : .max) {
                discard(connection, of: entry.slot)
                continue
            }
            state.withLock { state in
                guard entry.uses != uses || entry.unusedSince == nil else { return }
                state.entries[id]?.uses = uses
                state.entries[id]?.unusedSince = now
            }
        }
    }

    /// Refuses further connections, and takes those that are open.
    func stop() -> [any Connection] {
        let slots = state.withLock { state in
            state.isStopped = true
            defer { state.entries = [:] }
            state.totals.closed += state.entries.count
            return state.entries.values.map(\.slot)
        }
        return slots.compactMap { $0.take() }
    }
}
