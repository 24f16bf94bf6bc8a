/// Values by names, of which those that were used least lately are forgotten.
struct RecentValues<Value> {
    private var young: [String: Value] = [:]
    private var old: [String: Value] = [:]
    private let half: Int

    /// Creates a table.
    ///
    /// - Parameter limit: How many values are kept at most; at least half as many are.
    init(limit: Int) { half = max(1, limit / 2) }

    /// The value of a name.
    subscript(name: String) -> Value? {
        mutating get {
            if let value = young[name] { return value }
            guard let value = old[name] else { return nil }
            insert(value, name)
            return value
        }
        set {
            old[name] = nil
            if let newValue { insert(newValue, name) } else { young[name] = nil }
        }
    }

    /// The number of values.
    var count: Int { young.count + old.keys.count { young[$0] == nil } }

    /// Forgets all values.
    mutating func removeAll() { (young, old) = ([:], [:]) }

    private mutating func insert(_ value: Value, _ name: String) {
        if young.count >= half, young[name] == nil { (young, old) = ([:], young) }
        young[name] = value
    }
}
