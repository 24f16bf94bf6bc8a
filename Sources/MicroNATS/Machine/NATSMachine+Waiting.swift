internal import NIOCore

/// The numbers of those who wait, each with a time limit.
struct TimedWaiters {
    private var waiting: [UInt64: (deadline: NIODeadline, limit: Duration)] = [:]

    /// When the first one's time is up.
    var earliest: NIODeadline? { waiting.values.map(\.deadline).min() }

    mutating func insert(_ number: UInt64, deadline: NIODeadline, limit: Duration) {
        waiting[number] = (deadline, limit)
    }

    /// Takes one out; returns whether it waited.
    mutating func remove(_ number: UInt64) -> Bool { waiting.removeValue(forKey: number) != nil }

    /// Takes all out, those who came first before the others.
    mutating func removeAll() -> [UInt64] {
        defer { waiting = [:] }
        return waiting.keys.sorted()
    }

    /// Takes those out whose time is up.
    mutating func expire(now: NIODeadline) -> [(number: UInt64, limit: Duration)] {
        let expired = waiting.filter { $0.value.deadline <= now }.sorted { $0.key < $1.key }
        for (number, _) in expired { waiting[number] = nil }
        return expired.map { ($0.key, $0.value.limit) }
    }
}

// Who waits for the server.
extension NATSMachine {
    /// Waits for the server's answer behind everything that was sent before.
    ///
    /// - Parameters:
    ///   - waiter: The number of who waits.
    ///   - limit: How long.
    ///   - now: The time.
    mutating func roundTrip(_ waiter: UInt64, within limit: Duration, now: NIODeadline) {
        guard link?.stage == .open else {
            return perform(.resume(waiter: waiter, isClosed ? .closed : .lost))
        }
        let deadline = now + TimeAmount(limit)
        roundTrips.insert(waiter, deadline: deadline, limit: limit)
        watch(deadline)
        ping(.waiter(waiter))
    }

    /// Waits until there is a connection.
    ///
    /// - Parameters:
    ///   - waiter: The number of who waits.
    ///   - limit: How long.
    ///   - now: The time.
    mutating func waitUntilConnected(_ waiter: UInt64, within limit: Duration, now: NIODeadline) {
        if isClosed { return perform(.resume(waiter: waiter, reasonOfEnd)) }
        if link?.stage == .open { return perform(.resume(waiter: waiter, nil)) }
        let deadline = now + TimeAmount(limit)
        connectionWaiters.insert(waiter, deadline: deadline, limit: limit)
        watch(deadline)
    }

    /// Lets somebody wait no longer.
    ///
    /// - Parameter waiter: The number of who waits.
    mutating func cancel(_ waiter: UInt64) {
        guard roundTrips.remove(waiter) || connectionWaiters.remove(waiter) else { return }
        perform(.resume(waiter: waiter, .cancelled))
    }

    mutating func expireWaiters(now: NIODeadline) {
        for (number, limit) in roundTrips.expire(now: now) {
            let error = NATSError(.timeout, "The NATS server didn't answer within \(limit).")
            perform(.resume(waiter: number, error))
        }
        for (number, limit) in connectionWaiters.expire(now: now) {
            let text = "The NATS client wasn't connected within \(limit): \(summary)."
            perform(.resume(waiter: number, NATSError(.timeout, text)))
        }
    }
}
