public import MicroCore
internal import MicroPluginKit

/// Which failed attempts of a call are made again, how often, and after which time.
///
/// ```swift
/// try await client.call(
///     "greeter", "Greeter.Hello", request, returning: HelloReply.self,
///     options: CallOptions(retry: .on([.unavailable, .aborted], attempts: 4)))
/// ```
///
/// Whatever it says, another attempt is made only within the call's deadline and the client's retry budget, on another
/// node if there is one, and not before the server wants it (`grpc-retry-pushback-ms`).
///
/// An attempt that no node has seen, since it could not be connected to, is made again elsewhere at once, and counts
/// neither as a retry nor against the budget.
public struct RetryPolicy: Hashable, Sendable {
    private enum Rule: Hashable {
        case never, unprocessed, goMicro
        case statuses(Set<RPCStatus>)
    }

    /// How many attempts a call may have in all; as the client's configuration says if `nil`.
    public var attempts: Int?

    private let rule: Rule
    private let backoff: ExponentialBackoff

    private init(
        _ rule: Rule, attempts: Int? = nil, firstDelay: Duration = .milliseconds(100),
        longestDelay: Duration = .seconds(2), factor: Double = 2
    ) {
        self.rule = rule
        self.attempts = attempts
        // As much chance as there is: clients that failed together don't come back together.
        backoff = ExponentialBackoff(first: firstDelay, longest: longestDelay, factor: factor, jitter: 0...1)
    }

    /// None.
    public static var never: Self { Self(.never) }

    /// Those that the service has surely not processed; the default.
    public static var unprocessed: Self { Self(.unprocessed) }

    /// Those too that may have been processed before the service became unavailable; the default of idempotent methods.
    ///
    /// It is for calls that may have their effect twice.
    public static var idempotent: Self { .on([.unavailable]) }

    /// Those with code 408 or 500 too, as go-micro's clients do.
    ///
    /// It is for calls that may have their effect twice.
    public static var goMicro: Self { Self(.goMicro) }

    /// Those with some statuses, beside those that the service has surely not processed.
    ///
    /// It is for calls that may have their effect twice.
    ///
    /// - Parameters:
    ///   - statuses: The statuses.
    ///   - attempts: How many attempts a call may have in all; as the client's configuration says if `nil`.
    ///   - firstDelay: How long to wait at most before the first retry, unless it goes to another node at once.
    ///   - longestDelay: How long to wait at most before any.
    ///   - factor: What a delay is multiplied with to get the next one. Each is a random part of what comes out.
    /// - Returns: The policy.
    public static func on(
        _ statuses: Set<RPCStatus>, attempts: Int? = nil, firstDelay: Duration = .milliseconds(100),
        longestDelay: Duration = .seconds(2), factor: Double = 2
    ) -> Self {
        Self(
            .statuses(statuses), attempts: attempts, firstDelay: firstDelay, longestDelay: longestDelay,
            factor: factor)
    }

    /// Returns whether an attempt with an error may be made again.
    func allows(_ error: MicroError) -> Bool {
        if rule == .never { return false }
        if error.isUnprocessed { return true }
        return switch rule {
        case .statuses(let statuses): statuses.contains(error.status)
        case .goMicro: error.httpCode == 408 || error.httpCode == 500
        case .never, .unprocessed: false
        }
    }

    /// Returns how long to wait before a retry.
    ///
    /// - Parameter step: How many retries have waited before.
    /// - Returns: The time.
    func delay(_ step: Int) -> Duration { backoff.delay(attempt: step) }
}

extension MicroError {
    /// Whether no handler has seen the attempt: it never got there, or its server says so.
    var isUnprocessed: Bool { processed == .no || isRefusal }
}
