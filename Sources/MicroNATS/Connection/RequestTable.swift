internal import NIOCore

/// The requests that wait for an answer, each with who waits for it.
struct RequestTable<Caller> {
    private struct Waiting {
        let caller: Caller
        let deadline: NIODeadline
        let subject: String
    }

    private var waiting: [UInt64: Waiting] = [:]

    /// The number of the subscription through which all answers come.
    var subscription: UInt64?

    /// When ``expire(now:)`` is to be called: at the first deadline, or before.
    private(set) var deadline: NIODeadline?

    /// How many wait.
    var count: Int { waiting.count }

    /// Adds a request.
    ///
    /// - Parameters:
    ///   - number: Its number.
    ///   - caller: Who waits for the answer.
    ///   - deadline: Until when.
    ///   - subject: To where it is sent.
    /// - Returns: Whether ``deadline`` was moved, which one time for all requests makes rare.
    mutating func add(_ number: UInt64, _ caller: Caller, deadline: NIODeadline, subject: String) -> Bool {
        waiting[number] = Waiting(caller: caller, deadline: deadline, subject: subject)
        if let earliest = self.deadline, earliest <= deadline { return false }
        self.deadline = deadline
        return true
    }

    mutating func remove(_ number: UInt64) -> (Caller, subject: String)? {
        waiting.removeValue(forKey: number).map { ($0.caller, $0.subject) }
    }

    /// Takes all requests.
    mutating func removeAll() -> [Caller] {
        deadline = nil
        defer { waiting = [:] }
        return waiting.values.map(\.caller)
    }

    /// Takes the requests whose time is up.
    mutating func expire(now: NIODeadline) -> [(Caller, subject: String)] {
        deadline = nil
        var expired: [(Caller, subject: String)] = []
        for (number, request) in waiting {
            if request.deadline <= now {
                waiting[number] = nil
                expired.append((request.caller, request.subject))
            } else {
                deadline = min(deadline ?? request.deadline, request.deadline)
            }
        }
        return expired
    }
}
