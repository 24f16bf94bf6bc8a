import MicroPluginKit
import Synchronization

/// A clock that stands still until a test advances it, so that tests of time limits need not wait.
///
/// ```swift
/// let clock = ManualClock()
/// let registry = MemoryRegistry(clock: clock)
/// let record = ServiceRecord(name: "greeter", nodes: [Node(id: "a", address: "10.0.0.1:9090")])
/// try await registry.register(record, timeToLive: .seconds(30))
/// clock.advance(by: .seconds(31))
/// #expect(await registry.lookup("greeter").isEmpty)
/// ```
///
/// What sleeps on it wakes in the order of its deadlines. Code that begins to sleep only after the clock was advanced
/// sleeps from then on, so a test waits until it does:
///
/// ```swift
/// await clock.waitForSleepers()
/// clock.advance(by: .seconds(5))
/// ```
public final class ManualClock: Clock {
    /// A moment of a manual clock.
    public struct Instant: InstantProtocol {
        /// The time since the clock's beginning.
        public let offset: Duration

        /// Returns the moment some time later.
        ///
        /// - Parameter duration: The time.
        /// - Returns: The moment.
        public func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }

        /// Returns the time until another moment.
        ///
        /// - Parameter other: The other moment.
        /// - Returns: The time.
        public func duration(to other: Instant) -> Duration { other.offset - offset }

        /// Returns whether a moment is before another one.
        public static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.offset < rhs.offset }
    }

    private struct Sleeper {
        let deadline: Instant
        let waiter: Waiter<Bool>
    }

    private struct State {
        var now = Instant(offset: .zero)
        var sleepers: [Sleeper] = []
    }

    private let state = Mutex(State())
    private let sleepersChanged = Condition()

    /// Creates a clock that stands at its beginning.
    public init() {}

    /// The present moment.
    public var now: Instant { state.withLock(\.now) }

    /// The resolution of the clock, which is exact.
    public var minimumResolution: Duration { .zero }

    /// How many tasks sleep.
    public var sleeperCount: Int { state.withLock(\.sleepers.count) }

    /// For how long the task that wakes first still sleeps; `nil` if none does.
    public var timeToNextDeadline: Duration? {
        state.withLock { state in
            state.sleepers.map(\.deadline).min().map { state.now.duration(to: $0) }
        }
    }

    /// Sleeps until the clock was advanced to a moment, or beyond.
    ///
    /// - Parameters:
    ///   - deadline: The moment.
    ///   - tolerance: How much later it may be, which is never needed.
    /// - Throws: A `CancellationError` if the task is cancelled meanwhile.
    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        let hasPassed = await withWaiter(cancelled: false) { waiter in
            let hasPassed = state.withLock { state in
                guard state.now < deadline else { return true }
                state.sleepers.append(Sleeper(deadline: deadline, waiter: waiter))
                return false
            }
            if hasPassed { return true }
            sleepersChanged.notifyAll()
            return nil
        } remove: { id in
            state.withLock { state in
                guard let position = state.sleepers.firstIndex(where: { $0.waiter.id == id }) else {
                    return nil
                }
                return state.sleepers.remove(at: position).waiter
            }
        }
        guard hasPassed, !Task.isCancelled else { throw CancellationError() }
    }

    /// Lets time pass at once.
    ///
    /// - Parameter duration: How much.
    public func advance(by duration: Duration) {
        let due = state.withLock { state in
            let now = state.now.advanced(by: duration)
            state.now = now
            let due = state.sleepers.filter { $0.deadline <= now }
            state.sleepers.removeAll { $0.deadline <= now }
            return due.sorted { $0.deadline < $1.deadline }
        }
        due.map(\.waiter).resumeAll(returning: true)
    }

    /// Waits until tasks sleep on the clock; returns at once if they do, or when the task is cancelled.
    ///
    /// - Parameter count: How many tasks.
    public func waitForSleepers(_ count: Int = 1) async {
        while !Task.isCancelled {
            let generation = sleepersChanged.generation
            guard sleeperCount < count else { return }
            await sleepersChanged.wait(since: generation)
        }
    }

    /// Waits until a task sleeps, and lets the time pass until the first one wakes.
    ///
    /// - Returns: How much that was.
    @discardableResult
    public func advanceToNextDeadline() async -> Duration {
        await waitForSleepers()
        guard let duration = timeToNextDeadline else { return .zero }
        advance(by: duration)
        return duration
    }
}
