/// The time that has passed on a clock, of whatever kind its instants are.
///
/// Plugins that wait, renew or expire are given a clock, so that their tests need not wait:
///
/// ```swift
/// let stopwatch = Stopwatch(clock)
/// …
/// if stopwatch.elapsed > .seconds(5) { backoff.reset() }
/// try await clock.sleep(for: backoff.next())
/// ```
public struct Stopwatch: Sendable {
    private let read: @Sendable () -> Duration

    /// Begins to measure.
    ///
    /// - Parameter clock: The clock.
    public init(_ clock: any Clock<Duration>) { read = Self.reader(of: clock) }

    /// The time since the beginning.
    public var elapsed: Duration { read() }

    private static func reader(of clock: some Clock<Duration>) -> @Sendable () -> Duration {
        let start = clock.now
        return { start.duration(to: clock.now) }
    }
}
