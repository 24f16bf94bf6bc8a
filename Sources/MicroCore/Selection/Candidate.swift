/// A node that an attempt can be made on, with how it has done lately.
public final class Candidate: Sendable {
    /// The node, as the registry has it.
    public let node: Node

    /// The version of the service that it runs; empty where that isn't known.
    public let version: String

    /// The endpoints that it offers, `Type.Method`; `nil` where the registry doesn't tell.
    public let endpoints: Set<String>?

    /// What the attempts on the node have shown.
    let load: NodeLoad

    /// Creates a candidate that has not been called yet.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - version: The version of the service that it runs.
    ///   - endpoints: The endpoints that it offers; `nil` where that isn't known.
    public init(_ node: Node, version: String = "", endpoints: Set<String>? = nil) {
        self.node = node
        self.version = version
        self.endpoints = endpoints
        load = NodeLoad()
    }

    /// Creates a candidate for a node of which the registry says something else now.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - version: The version of the service that it runs.
    ///   - endpoints: The endpoints that it offers.
    ///   - former: The candidate whose measurements go on.
    package init(_ node: Node, version: String, endpoints: Set<String>? = nil, former: Candidate) {
        self.node = node
        self.version = version
        self.endpoints = endpoints
        load = former.load
    }

    /// Returns the average latency in nanoseconds at a moment; `nil` while no attempt has ended.
    package func latency(at now: Uptime) -> Int64? { load.latency(at: now) }

    /// Returns whether the caller is the one who should try the node although it looks bad: nothing was measured for a
    /// while, so what is known of it is out of date.
    ///
    /// - Parameters:
    ///   - now: The present moment.
    ///   - interval: After which time without a measurement one attempt is due.
    /// - Returns: Whether it is the caller.
    package func claimTrial(at now: Uptime, every interval: Duration) -> Bool {
        load.claimTrial(at: now, every: interval.nanosecondsClamped)
    }

    /// The number of attempts that this client has in flight on the node; 0 unless the selector has the signal
    /// ``SelectionSignals/callsInFlight``.
    public var callsInFlight: Int { load.inFlight }

    /// Since when the client knows the node.
    public var knownSince: ContinuousClock.Instant { load.created.instant }
}
