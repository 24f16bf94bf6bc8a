import Synchronization

/// Limits how often something is logged that a peer can cause as often as it likes.
///
/// ```swift
/// throttle.admit { suppressed in
///     Logger.current.warning("A packet can't be read.", metadata: ["suppressed": "\(suppressed)"])
/// }
/// ```
///
/// It may be used concurrently.
public final class LogThrottle: Sendable {
    private struct State {
        var windowEnd: ContinuousClock.Instant?
        var admitted = 0
        var suppressed = 0
    }

    private let burst: Int
    private let interval: Duration
    private let state = Mutex(State())

    /// Creates a throttle.
    ///
    /// - Parameters:
    ///   - burst: The number of lines in an interval.
    ///   - interval: The interval, which begins with the first line.
    public init(burst: Int = 5, interval: Duration = .seconds(60)) {
        self.burst = burst
        self.interval = interval
    }

    /// Logs something, unless as much as may be was logged in this interval already.
    ///
    /// - Parameters:
    ///   - now: The present moment.
    ///   - log: Called at most once; its parameter is the number of lines that were left out since the last one.
    public func admit(now: ContinuousClock.Instant = .now, _ log: (_ suppressed: Int) -> Void) {
        let suppressed = state.withLock { state -> Int? in
            if state.windowEnd.map({ now >= $0 }) ?? true {
                state.windowEnd = now + interval
                state.admitted = 0
            }
            guard state.admitted < burst else {
                state.suppressed += state.suppressed < .max ? 1 : 0
                return nil
            }
            state.admitted += 1
            defer { state.suppressed = 0 }
            return state.suppressed
        }
        if let suppressed { log(suppressed) }
    }
}
