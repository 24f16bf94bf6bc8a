/// The delays between attempts: each a multiple of the one before, up to a bound, and each somewhat different by chance.
///
/// Without the chance, all clients of a server that comes back would come back in the same moment.
///
/// ```swift
/// var backoff = ExponentialBackoff()
/// while (try? await client.services()) == nil { try await Task.sleep(for: backoff.next()) }
/// backoff.reset()
/// ```
public struct ExponentialBackoff: Hashable, Sendable {
    private let first: Duration
    private let longest: Duration
    private let factor: Double
    private let jitter: ClosedRange<Double>

    /// The number of delays since the beginning or the last ``reset()``.
    public private(set) var attempts = 0

    /// Creates delays.
    ///
    /// - Parameters:
    ///   - first: The first delay.
    ///   - longest: The longest delay, but for the chance.
    ///   - factor: What a delay is multiplied with to get the next one.
    ///   - jitter: What a delay is multiplied with by chance; `1...1` for none, and `0...1` for as much as there is.
    public init(
        first: Duration = .milliseconds(50), longest: Duration = .seconds(2), factor: Double = 2,
        jitter: ClosedRange<Double> = 0.75...1.25
    ) {
        self.first = first
        self.longest = longest
        self.factor = factor
        self.jitter = jitter
    }

    /// Returns the next delay.
    public mutating func next() -> Duration {
        defer { attempts += attempts < .max ? 1 : 0 }
        return delay(attempt: attempts)
    }

    /// Begins again with the first delay.
    public mutating func reset() { attempts = 0 }

    /// Returns the delay behind an attempt, for those who count themselves.
    ///
    /// - Parameter attempt: How many delays there were before; negative numbers count as 0.
    /// - Returns: The delay.
    public func delay(attempt: Int) -> Duration {
        var delay = first
        // Ends soon: a delay that doesn't grow any more, or is the longest, stays.
        for _ in 0..<min(max(attempt, 0), 64) {
            guard delay < longest else { break }
            delay = min(longest, delay * factor)
        }
        return min(longest, delay) * Double.random(in: jitter)
    }
}
