/// How long to wait before the next try to connect: longer after each round of all servers, and never
/// the same for two clients, so that a restarted server isn't overrun.
struct Backoff {
    let shortest: Duration
    let longest: Duration
    private var tries = 0

    init(shortest: Duration, longest: Duration) {
        self.shortest = shortest
        self.longest = longest
    }

    mutating func reset() { tries = 0 }

    /// The number of tries since the last success.
    var count: Int { tries }

    /// Returns the next wait.
    ///
    /// - Parameter servers: How many servers make a round.
    /// - Returns: How long to wait.
    mutating func next(servers: Int) -> Duration {
        let round = tries / max(servers, 1)
        tries += 1
        guard round > 0 else { return shortest * Double.random(in: 0..<0.5) }
        let wait = min(shortest * Int(1 << min(round - 1, 16)), longest)
        return wait * Double.random(in: 0.5...1)
    }
}
