public import MicroCore

/// Several attempts of one call at once, of which the first answer counts.
///
/// ```swift
/// try await client.call(
///     "search", "Search.Query", query, returning: Results.self,
///     options: CallOptions(hedging: HedgingPolicy(attempts: 3, delay: .milliseconds(50))))
/// ```
///
/// The second attempt follows when the first has not been answered for a while, and so on; each goes to another node if
/// there is one. What is still in progress when an answer comes is cancelled. It cuts long waits for one slow node, and
/// costs the service some more calls: set the delay to what 95 of 100 calls take at most. Further attempts count
/// against the client's retry budget.
///
/// It is for calls with one message each way that may have their effect several times. It takes the place of retries.
public struct HedgingPolicy: Hashable, Sendable {
    /// How many attempts a call may have in all.
    public var attempts: Int

    /// How long each attempt is waited for before the next one begins.
    public var delay: Duration

    /// The statuses after which the next attempt begins at once; an attempt that ends with another one ends the call.
    ///
    /// An attempt that the service has surely not processed never ends the call.
    public var nonFatal: Set<RPCStatus>

    /// Creates a policy.
    ///
    /// - Parameters:
    ///   - attempts: How many attempts a call may have in all.
    ///   - delay: How long each attempt is waited for before the next one begins.
    ///   - nonFatal: The statuses after which the next attempt begins at once.
    public init(attempts: Int = 2, delay: Duration, nonFatal: Set<RPCStatus> = [.unavailable]) {
        self.attempts = attempts
        self.delay = delay
        self.nonFatal = nonFatal
    }

    /// Returns whether a call may still succeed after an attempt with an error.
    func survives(_ error: MicroError) -> Bool { error.isUnprocessed || nonFatal.contains(error.status) }
}
