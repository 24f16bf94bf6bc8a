internal import MicroPluginKit

/// How long to wait before the next try to connect: longer after each round of all servers, and never
/// the same for two clients, so that a restarted server isn't overrun.
struct ReconnectBackoff {
    private let rounds: ExponentialBackoff
    private let shortest: Duration

    /// The number of tries since the last success.
    private(set) var tries = 0

    init(shortest: Duration, longest: Duration) {
        rounds = ExponentialBackoff(first: shortest, longest: longest, jitter: 0.5...1)
        self.shortest = shortest
    }

    mutating func reset() { tries = 0 }

    /// Returns the next wait.
    ///
    /// - Parameter servers: How many servers make a round.
    /// - Returns: How long to wait.
    mutating func next(servers: Int) -> Duration {
        let round = tries / max(servers, 1)
        tries += 1
        return round > 0 ? rounds.delay(attempt: round - 1) : shortest * Double.random(in: 0..<0.5)
    }
}
