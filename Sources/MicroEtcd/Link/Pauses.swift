/// The pauses between attempts: each twice the one before, up to a bound, a quarter more or less by chance.
///
/// Without the chance, all clients of an etcd that comes back would come back in the same moment.
package struct Pauses {
    private let first: Duration
    private let longest: Duration
    private var count = 0

    /// Creates pauses.
    ///
    /// - Parameters:
    ///   - first: The first pause.
    ///   - longest: The longest pause.
    package init(first: Duration = .milliseconds(50), longest: Duration = .seconds(2)) {
        self.first = first
        self.longest = longest
    }

    /// Returns the next pause.
    package mutating func next() -> Duration {
        let pause = min(longest, first * (1 << min(count, 16)))
        count += 1
        return pause * Double.random(in: 0.75...1.25)
    }

    /// Begins again with the first pause.
    package mutating func reset() { count = 0 }
}
