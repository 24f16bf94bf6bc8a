internal import Logging
import MicroCore
import MicroPluginKit
internal import Synchronization

/// The errors with which calls of an endpoint are refused, made beforehand: a service that has too much to do must not
/// spend its time on saying so.
final class Refusals: Sendable {
    private let errors: [RefusalReason: [MicroError]]
    private let counts: RefusalCounts
    private let log: RefusalLog

    /// Creates the errors of an endpoint.
    ///
    /// - Parameters:
    ///   - endpoint: The endpoint's name.
    ///   - service: The service's name.
    ///   - logger: What refusals are logged to, once in a while.
    init(endpoint: String, service: String, logger: Logger) {
        counts = RefusalCounts()
        log = RefusalLog(endpoint: endpoint, logger: logger)
        var errors: [RefusalReason: [MicroError]] = [:]
        for reason in RefusalReason.allCases {
            errors[reason] = reason.pushbacks.map { pushback in
                var error = MicroError(reason.status, reason.detail(endpoint), id: service, processed: .no)
                error.retryPushback = .after(.milliseconds(pushback))
                error.isRefusal = reason.status == .unavailable
                return error
            }
        }
        self.errors = errors
    }

    /// How many calls were refused, by reason.
    var refused: [RefusalReason: Int] { counts.all }

    /// Refuses a call.
    ///
    /// - Parameters:
    ///   - reason: Why.
    ///   - now: The present moment, in nanoseconds.
    ///   - wait: When there is a place for it, in nanoseconds, if that is known.
    /// - Returns: The error to answer with.
    func refuse(_ reason: RefusalReason, at now: Int64, wait: Int64? = nil) -> MicroError {
        let number = counts.count(reason)
        log.note(reason, at: now, count: number)
        let errors = errors[reason] ?? []
        let index = wait.map { reason.index(ofWait: $0) } ?? number
        return errors.isEmpty
            ? MicroError(reason.status, "The call was refused.") : errors[index % errors.count]
    }
}

extension RefusalReason {
    /// The status of the error.
    ///
    /// What another node of the service may be able to do is `unavailable`, which clients try elsewhere. A caller that
    /// exceeds its share would exceed it elsewhere as well: that is `resourceExhausted`.
    fileprivate var status: RPCStatus {
        switch self {
        case .concurrency, .overload, .deadline: .unavailable
        case .rate, .callerRate: .resourceExhausted
        }
    }

    /// After how many milliseconds clients may try again.
    ///
    /// They are spread where it isn't known, lest all come back at once.
    fileprivate var pushbacks: [Int] {
        switch self {
        case .concurrency, .overload, .deadline: [100, 60, 140, 80, 120, 50, 150, 90]
        case .rate, .callerRate: (0...16).map { 1 << $0 }
        }
    }

    /// The first of ``pushbacks`` that isn't shorter than a wait.
    fileprivate func index(ofWait wait: Int64) -> Int {
        pushbacks.firstIndex { Int64($0) * 1_000_000 >= wait } ?? pushbacks.count - 1
    }

    fileprivate func detail(_ endpoint: String) -> String {
        switch self {
        case .concurrency: "\(endpoint) has as many calls in flight as it may."
        case .overload: "\(endpoint) is overloaded: it takes no more calls now."
        case .deadline: "\(endpoint) is overloaded: the call's deadline would pass before it is answered."
        case .rate: "\(endpoint) takes no more calls in this second."
        case .callerRate: "\(endpoint) takes no more calls from this caller in this second."
        }
    }

    /// What to do about it.
    fileprivate var remedy: String {
        switch self {
        case .concurrency: "Add instances, or raise the limit in code or MICRO_SERVER_LIMIT_CONCURRENCY."
        case .overload, .deadline:
            "Its calls take longer the more there are: add instances, or make what it waits for faster. "
                + "MICRO_SERVER_OVERLOAD=off lets all calls in."
        case .rate: "Raise the rate in code or MICRO_SERVER_LIMIT_RATE if the service can do more."
        case .callerRate: "Raise the rate in code or MICRO_SERVER_LIMIT_CALLER_RATE if callers may do more."
        }
    }
}

/// Counts refusals by reason.
private final class RefusalCounts: Sendable {
    private let concurrency = Atomic(0)
    private let overload = Atomic(0)
    private let deadline = Atomic(0)
    private let rate = Atomic(0)
    private let callerRate = Atomic(0)

    /// Counts one, and returns how many there were before.
    func count(_ reason: RefusalReason) -> Int {
        switch reason {
        case .concurrency: concurrency.wrappingAdd(1, ordering: .relaxed).oldValue
        case .overload: overload.wrappingAdd(1, ordering: .relaxed).oldValue
        case .deadline: deadline.wrappingAdd(1, ordering: .relaxed).oldValue
        case .rate: rate.wrappingAdd(1, ordering: .relaxed).oldValue
        case .callerRate: callerRate.wrappingAdd(1, ordering: .relaxed).oldValue
        }
    }

    var all: [RefusalReason: Int] {
        let all: [RefusalReason: Int] = [
            .concurrency: concurrency.load(ordering: .relaxed),
            .overload: overload.load(ordering: .relaxed),
            .deadline: deadline.load(ordering: .relaxed), .rate: rate.load(ordering: .relaxed),
            .callerRate: callerRate.load(ordering: .relaxed),
        ]
        return all.filter { $0.value > 0 }
    }
}

/// Says once in a while that calls are refused, and what can be done about it.
private final class RefusalLog: Sendable {
    private let endpoint: String
    private let logger: Logger
    private let throttle = LogThrottle(burst: 1)
    private let next = Atomic(Int64.min)

    init(endpoint: String, logger: Logger) {
        self.endpoint = endpoint
        self.logger = logger
    }

    func note(_ reason: RefusalReason, at now: Int64, count: Int) {
        // The throttle has a lock and reads a clock, which is too much for each call.
        guard now >= next.load(ordering: .relaxed) else { return }
        next.store(now &+ 1_000_000_000, ordering: .relaxed)
        throttle.admit { _ in
            logger.warning(
                "Calls are refused. \(reason.remedy)",
                metadata: [
                    LogKeys.endpoint: "\(endpoint)", LogKeys.reason: "\(reason.rawValue)",
                    LogKeys.refused: "\(count + 1)",
                ])
        }
    }
}
