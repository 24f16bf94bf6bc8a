/// Why a service has refused a call before its handler began.
public enum RefusalReason: String, Hashable, Sendable, CaseIterable {
    /// As many calls were in flight as the limit in code or configuration allows.
    case concurrency

    /// More calls were in flight than the service can serve in good time, and the queue was full.
    case overload

    /// The call would have come to its turn too late to be answered before its deadline.
    case deadline

    /// More calls came in a second than the endpoint or the service allows.
    case rate

    /// More calls came in a second than one caller may make.
    case callerRate = "caller_rate"
}

/// What an endpoint's protection against overload does at a moment.
///
/// ``EndpointInfo/overload`` has it, for metrics and for endpoints that tell others.
public struct OverloadStatistics: Hashable, Sendable {
    /// The number of calls in flight that are limited; streams are not, unless a limit is set.
    public var inFlight: Int

    /// How many may be; `nil` while there is no limit.
    public var limit: Int?

    /// The number of calls that wait for others to end.
    public var queued: Int

    /// How many calls were refused so far, by reason; reasons that never occurred are left out.
    public var refused: [RefusalReason: Int]
}
