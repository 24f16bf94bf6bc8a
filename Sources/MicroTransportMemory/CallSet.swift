import MicroCore
import MicroPluginKit
import Synchronization

/// The calls that run at a listener or on a connection.
final class CallSet: Sendable {
    private struct State {
        var isClosed = false
        var calls: [ObjectIdentifier: MemoryCall] = [:]

        /// Whether none is left, and none will come.
        var hasEnded: Bool { isClosed && calls.isEmpty }
    }

    private let state = Mutex(State())
    private let ended = Latch()

    var count: Int { state.withLock(\.calls.count) }

    var isClosed: Bool { state.withLock(\.isClosed) }

    /// Adds a call.
    ///
    /// - Returns: Whether the set is still open.
    func insert(_ call: MemoryCall) -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.calls[ObjectIdentifier(call)] = call
            return true
        }
    }

    /// Takes a call out; one that isn't there is no error.
    func remove(_ call: MemoryCall) {
        let hasEnded = state.withLock { state in
            state.calls[ObjectIdentifier(call)] = nil
            return state.hasEnded
        }
        if hasEnded { ended.open() }
    }

    /// Accepts no more calls and returns when none is left.
    ///
    /// - Parameters:
    ///   - deadline: When the calls that remain are reset; cancelling the task moves it to now.
    ///   - error: What their callers are told.
    func drain(until deadline: ContinuousClock.Instant, _ error: MicroError) async {
        let hasEnded = state.withLock { state in
            state.isClosed = true
            return state.hasEnded
        }
        if hasEnded { ended.open() }
        await ended.wait(until: deadline) {
            for call in state.withLock({ Array($0.calls.values) }) { call.reset(error) }
        }
    }
}
