/// The call for which a selector picks a node.
public struct SelectionContext: Sendable {
    /// The service whose nodes are the candidates.
    public let service: String

    /// The endpoint, `Type.Method`.
    public let endpoint: String

    /// The ids of the nodes on which attempts of the call have failed already, the latest one last.
    ///
    /// They are among the candidates only if there are no others.
    public let tried: [String]

    /// What the call is about, such as a user or a document, for a selector that sends what belongs together to the same
    /// node; `nil` if the caller has not said.
    public let key: String?

    private let head: CallHead

    /// When the selector was asked; 0 unless its signals need the time.
    package let time: Uptime

    /// Creates a context.
    ///
    /// - Parameters:
    ///   - service: The service whose nodes are the candidates.
    ///   - endpoint: The endpoint.
    ///   - metadata: The metadata of the call.
    ///   - key: What the call is about.
    ///   - tried: The ids of the nodes on which attempts of the call have failed.
    public init(
        service: String, endpoint: String, metadata: Metadata = [:], key: String? = nil, tried: [String] = []
    ) {
        self.init(
            service: service, endpoint: endpoint,
            head: CallHead(path: "/\(service)/\(endpoint)", metadata: metadata), key: key, tried: tried,
            signals: .latency)
    }

    /// Creates the context of a call.
    package init(
        service: String, endpoint: String, head: CallHead, key: String? = nil, tried: [String],
        signals: SelectionSignals, now: @autoclosure () -> Uptime = .now
    ) {
        self.service = service
        self.endpoint = endpoint
        self.head = head
        self.key = key
        self.tried = tried
        time = signals.needsTime ? now() : Uptime(nanoseconds: 0)
    }

    /// The metadata of the call, the client's own included.
    public var metadata: Metadata { head.metadata }

    /// The moment at which the call ends at the latest.
    public var deadline: ContinuousClock.Instant? { head.deadline }

    /// The number of the attempt, 1 for the first.
    public var attempt: Int { tried.count + 1 }

    /// Returns how long attempts on a node have taken lately; `nil` while none has ended, or without the signal
    /// ``SelectionSignals/latency``.
    ///
    /// It is a moving average that a slower attempt raises at once, that faster ones lower over some ten seconds, and
    /// that fades while the node is not called. Failures never lower it.
    ///
    /// - Parameter candidate: One of the candidates.
    /// - Returns: The average.
    public func latency(of candidate: Candidate) -> Duration? {
        candidate.load.latency(at: time).map { .nanoseconds($0) }
    }
}
