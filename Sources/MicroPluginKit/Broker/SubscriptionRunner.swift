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
    /// How long functions of a broker wait for its `run()`.
    private static let patience = Duration.seconds(5)

    private struct State {
        var isRunning = false
        var isStopped = false
        var lastNumber = 0
        var open: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())
    private let started = OneShot()
    private let jobs: AsyncStream<@Sendable () async -> Void>
    private let continuation: AsyncStream<@Sendable () async -> Void>.Continuation

    /// Creates a runner without subscriptions.
    public init() { (jobs, continuation) = AsyncStream.makeStream() }

    /// Runs subscriptions until the task is cancelled; then it cancels their handlers and drops what waits.
    ///
    /// - Throws: A ``StartError`` if it was run before.
    public func run() async throws(StartError) {
        let wasRun = state.withLock { state in
            defer { state.isRunning = true }
            return state.isRunning
        }
        guard !wasRun else {
            throw StartError(
                .invalidConfiguration,
                "A broker was run twice. Give each service and each client a broker of its own.")
        }
        started.fire()
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
        for end in left { end() }
    }

    /// Waits until the broker runs.
    ///
    /// - Throws: A ``MicroError`` with the status `unavailable` if it does not begin to within some seconds
    ///   or has stopped, and `cancelled` if the task is cancelled.
    public func waitUntilRunning() async throws(MicroError) {
        if !started.hasFired, !(await started.wait(until: .now + Self.patience)) {
            throw Task.isCancelled
                ? MicroError(.cancelled, "The task was cancelled.", processed: .no)
                : MicroError(
                    .unavailable, "The broker does not run. Call its run() in a task beside its use.",
                    processed: .no)
        }
        guard !state.withLock(\.isStopped) else { throw Self.stopped }
    }

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
        guard let number else { throw Self.stopped }
        continuation.yield {
            await queue.run()
            self.state.withLock { $0.open[number] = nil }
        }
    }

    private static var stopped: MicroError {
        MicroError(.unavailable, "The broker has stopped.", processed: .no)
    }
}
