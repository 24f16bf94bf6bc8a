import Synchronization

/// Wakes tasks that wait until a moment, when that moment comes or the alarm rings before.
public final class Alarm: Sendable {
    private struct State {
        var position = 0
        var nextSleeper = 0
        var sleepers: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    /// Creates an alarm that has not rung.
    public init() {}

    /// How often the alarm has rung.
    public var position: Int { state.withLock(\.position) }

    /// Wakes all who wait.
    public func ring() {
        let sleepers = state.withLock { state in
            state.position += 1
            defer { state.sleepers = [:] }
            return state.sleepers.values
        }
        for sleeper in sleepers { sleeper.resume() }
    }

    /// Waits until a moment comes, the alarm rings, or the task is cancelled.
    ///
    /// - Parameters:
    ///   - deadline: The moment; `nil` for none.
    ///   - position: Returns at once if the alarm has rung after this one.
    public func wait(until deadline: ContinuousClock.Instant?, since position: Int) async {
        guard let deadline else { return await wait(since: position) }
        await withTaskGroup { group in
            group.addTask { try? await Task.sleep(until: deadline, clock: .continuous) }
            group.addTask { await self.wait(since: position) }
            await group.next()
            group.cancelAll()
        }
    }

    private func wait(since position: Int) async {
        let number = state.withLock { state in
            state.nextSleeper += 1
            return state.nextSleeper
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { sleeper in
                let isOver = state.withLock { state in
                    // A task that is cancelled before it sleeps finds out here; one that is cancelled
                    // later is found by the handler below.
                    guard state.position == position, !Task.isCancelled else { return true }
                    state.sleepers[number] = sleeper
                    return false
                }
                if isOver { sleeper.resume() }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: number) }?.resume()
        }
    }
}
