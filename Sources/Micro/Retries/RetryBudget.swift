internal import Logging
import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// How many retries a client may make of the calls to one service.
///
/// Retries help when a few calls fail, and make it worse when all do: a service that has too much to do gets more. So
/// they may be a part of the calls at most, and a few each second, saved up for a few seconds. Calls cost it nothing: it
/// asks for their number when somebody wants to retry.
final class RetryBudget: Sendable {
    struct Limits: Hashable, Sendable {
        /// Retries for each call.
        var part = 0.1

        /// Retries in each second whatever the number of calls.
        var perSecond = 1.0

        /// Retries to begin with; what the window holds without calls if `nil`.
        var initial: Double?
    }

    /// For how long retries are saved up that nobody has needed, in seconds.
    private static let window = 5.0

    private struct State {
        var balance: Double
        var calls: UInt64 = 0

        /// When the balance was computed.
        var time: Uptime
    }

    private let limits: Limits
    private let state: Mutex<State>
    private let throttle = LogThrottle(burst: 1)

    init(_ limits: Limits, now: Uptime) {
        self.limits = limits
        state = Mutex(State(balance: limits.initial ?? limits.perSecond * Self.window, time: now))
    }

    /// Takes one retry out.
    ///
    /// - Parameters:
    ///   - now: The present moment.
    ///   - service: The service, for the log.
    ///   - calls: Returns the number of calls so far.
    /// - Returns: Whether there was one.
    func withdraw(now: Uptime, service: String, calls: () -> UInt64) -> Bool {
        let isEnough = state.withLock { state in
            earn(&state, now, calls)
            guard state.balance >= 1 else { return false }
            state.balance -= 1
            return true
        }
        if !isEnough {
            throttle.admit { suppressed in
                Logger.current.warning(
                    "Retries are left out, since too many calls fail. MICRO_CLIENT_RETRY_BUDGET bounds them.",
                    metadata: [LogKeys.service: "\(service)", LogKeys.suppressed: "\(suppressed)"])
            }
        }
        return isEnough
    }

    /// Adds what the time and the calls since the last look are worth.
    ///
    /// The balance moves towards what the window would hold at the rate of calls since then, exponentially: it forgets
    /// what is old without a list of moments.
    private func earn(_ state: inout State, _ now: Uptime, _ calls: () -> UInt64) {
        let elapsed = Double(now.nanoseconds &- state.time.nanoseconds) / 1e9
        // A look at each connection's count for each of many retries at once would be too much.
        guard elapsed >= 0.01 else {
            if elapsed < 0 { state.time = now }
            return
        }
        let total = calls()
        // Connections that went took their counts along.
        let made = Double(total > state.calls ? total - state.calls : 0)
        let full = (limits.part * made / elapsed + limits.perSecond) * Self.window
        let kept = Self.window / (Self.window + elapsed)
        state.balance = state.balance * kept + full * (1 - kept)
        (state.time, state.calls) = (now, total)
    }
}
