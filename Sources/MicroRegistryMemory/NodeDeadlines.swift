import MicroCore

/// When the nodes of a directory are let go, as times since the directory's beginning.
struct NodeDeadlines {
    private var deadlines: [NodeKey: Duration] = [:]

    /// The earliest of the deadlines, or an earlier moment; `nil` without any.
    private(set) var earliest: Duration?

    /// Gives nodes a deadline, or none.
    ///
    /// - Returns: Whether it is earlier than all others, so that who waits has to wake up sooner.
    mutating func set(_ deadline: Duration?, for keys: [NodeKey]) -> Bool {
        for key in keys { deadlines[key] = deadline }
        guard let deadline, !keys.isEmpty else { return false }
        if let earliest, earliest <= deadline { return false }
        earliest = deadline
        return true
    }

    /// Takes out the nodes whose deadline has passed.
    mutating func takeExpired(at now: Duration) -> [NodeKey] {
        guard let earliest, earliest <= now else { return [] }
        let expired = deadlines.filter { $0.value <= now }.map(\.key)
        for key in expired { deadlines[key] = nil }
        self.earliest = deadlines.values.min()
        return expired
    }
}
