import MicroCore
import MicroPluginKit

/// The clock by which the engine waits: for its intervals, pauses and back-offs.
///
/// The hot path, and deadlines of calls, which transports keep, go by the machine's clock.
package struct TimeSource: Sendable {
    private let clock: any Clock<Duration>
    private let begin = ContinuousClock.now
    private let stopwatch: Stopwatch
    private let isMachines: Bool

    /// The machine's clock.
    package static var continuous: Self { Self(ContinuousClock()) }

    /// Creates a source of time.
    ///
    /// - Parameter clock: The clock.
    package init(_ clock: any Clock<Duration>) {
        self.clock = clock
        stopwatch = Stopwatch(clock)
        isMachines = clock is ContinuousClock
    }

    /// The present moment, as an instant of the machine's clock that only this source reaches.
    var now: ContinuousClock.Instant { begin + stopwatch.elapsed }

    /// The present moment, on the clock of the hot path.
    var uptime: Uptime { isMachines ? .now : Uptime(now) }

    /// Sleeps for a while.
    ///
    /// - Throws: A `CancellationError` if the task is cancelled before.
    func sleep(for duration: Duration) async throws { try await clock.sleep(for: duration) }

    /// Waits for something until a moment, or until the task is cancelled.
    func wait(until deadline: ContinuousClock.Instant, for event: @escaping @Sendable () async -> Void) async
    {
        _ = await withTimeLimit(deadline - now, clock: clock) { await event() }
    }
}
