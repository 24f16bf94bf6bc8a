public import MicroCore
import Synchronization

/// Runs the subscriptions of a broker, for those who write one.
///
/// The broker's `run()` calls ``run()``, and its `subscribe` calls ``start(_:)``:
///
/// ```swift
/// func run() async throws { try await runner.run() }
/// ```
public final class SubscriptionRunner: Sendable {
    private struct State {
        var isStopped = false
        var lastNumber = 0
        var open: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())
    private let gate = RunGate<Void>("The broker")
    private let jobs: AsyncStream<@Sendable () async -> Void>
    private let continuation: AsyncStream<@Sendable () async -> Void>.Continuation

    /// Creates a runner without subscriptions.
    public init() { (jobs, continuation) = AsyncStream.makeStream() }

    /// Runs subscriptions until the task is cancelled; then it cancels their handlers and drops what waits.
    ///
    /// - Throws: A ``StartError`` if it was run before.
    public func run() async throws(StartError) {
        try gate.begin()
        gate.ready()
        await withDiscardingTaskGroup { group in
            // A job is what a subscription runs: it ends with that, or is cancelled with this function.
            for await job in jobs { group.addTask { await job() } }
            group.cancelAll()
        }
        let left = state.withLock { state in
            state.isStopped = true
            defer { state.open = [:] }
            return state.open.values.map(\.self)
        }
        gate.end()
        for end in left { end() }
    }

    /// Waits until the broker runs.
    ///
    /// - Throws: A ``MicroError`` with the status `unavailable` if it does not begin to within some seconds
    ///   or has stopped, and `cancelled` if the task is cancelled.
    public func waitUntilRunning() async throws(MicroError) { try await gate.waitUntilRunning() }

    /// Begins to run the queue of a subscription; waits until the broker runs.
    ///
    /// - Parameter queue: The queue.
    /// - Throws: A ``MicroError`` with the status `unavailable` if the broker does not run, and `cancelled`
    ///   if the task is cancelled.
    public func start<Item>(_ queue: SubscriptionQueue<Item>) async throws(MicroError) {
        try await waitUntilRunning()
        let number = state.withLock { state -> Int? in
            guard !state.isStopped else { return nil }
            state.lastNumber += 1
            state.open[state.lastNumber] = { queue.end() }
            return state.lastNumber
        }
        guard let number else {
            // It has stopped in this moment.
            throw MicroError(.unavailable, "The broker has stopped.", processed: .no)
        }
        continuation.yield {
            await queue.run()
            self.state.withLock { $0.open[number] = nil }
        }
    }
}
