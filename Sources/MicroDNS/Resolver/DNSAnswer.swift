/// What DNS has told of a name, and for how long it holds.
public struct DNSAnswer<Value: Hashable & Sendable>: Hashable, Sendable {
    /// What the name stands for; empty if it doesn't exist or has nothing of the kind.
    public var values: [Value]

    /// For how long it holds, also if there is nothing (RFC 2308): until then the same would be told again.
    public var timeToLive: Duration

    /// Whether the name exists.
    public var nameExists: Bool

    /// The name at which the values stand, behind all aliases.
    public var canonicalName: DNSName

    /// Creates an answer.
    ///
    /// - Parameters:
    ///   - values: What the name stands for.
    ///   - timeToLive: For how long it holds.
    ///   - nameExists: Whether the name exists.
    ///   - canonicalName: The name at which the values stand.
    public init(values: [Value], timeToLive: Duration, nameExists: Bool, canonicalName: DNSName) {
        self.values = values
        self.timeToLive = timeToLive
        self.nameExists = nameExists
        self.canonicalName = canonicalName
    }

    /// Returns the answer with other values, as many or fewer.
    func compactMap<Other>(_ transform: (Value) -> Other?) -> DNSAnswer<Other> {
        DNSAnswer<Other>(
            values: values.compactMap(transform), timeToLive: timeToLive, nameExists: nameExists,
            canonicalName: canonicalName)
    }
}

/// Where a service is (SRV; RFC 2782).
public struct DNSService: Hashable, Sendable {
    /// Those with the lowest number are to be used first.
    public var priority: UInt16

    /// How often it is to be used among those of its priority.
    public var weight: UInt16

    /// The port.
    public var port: UInt16

    /// The name of the machine.
    public var target: DNSName

    /// Creates a place.
    ///
    /// - Parameters:
    ///   - priority: Those with the lowest number are to be used first.
    ///   - weight: How often it is to be used among those of its priority.
    ///   - port: The port.
    ///   - target: The name of the machine.
    public init(priority: UInt16, weight: UInt16, port: UInt16, target: DNSName) {
        self.priority = priority
        self.weight = weight
        self.port = port
        self.target = target
    }
}
