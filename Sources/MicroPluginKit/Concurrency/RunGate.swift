public import MicroCore
import Synchronization

/// Whether the `run()` of a plugin has begun: calls wait for it, and a second run is refused.
///
/// ```swift
/// final class Names: Sendable {
///     private let gate = RunGate<[String]>("The list of names")
///
///     func run() async throws {
///         try gate.begin()
///         defer { gate.end() }
///         gate.ready(["greeter"])
///         try await Task.sleep(for: .seconds(3600))
///     }
///
///     func all() async throws -> [String] { try await gate.resource() }
/// }
/// ```
///
/// It may be used concurrently.
public final class RunGate<Resource: Sendable>: Sendable {
    private enum Phase {
        case waiting
        case running(Resource)
        case ended(MicroError)
    }

    private struct State {
        var phase = Phase.waiting
        var isTaken = false
    }

    private let subject: String
    private let allowsRestart: Bool
    private let limit: Duration
    private let clock: any Clock<Duration>
    private let state = Mutex(State())
    private let begun = Latch()

    /// Creates a gate.
    ///
    /// - Parameters:
    ///   - subject: What runs, as the beginning of a sentence: `The broker`.
    ///   - allowsRestart: Whether it can be run again once its run has ended.
    ///   - limit: How long calls wait for the run at most.
    ///   - clock: The clock on which that time passes.
    public init(
        _ subject: String, allowsRestart: Bool = false, limit: Duration = .seconds(5),
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.subject = subject
        self.allowsRestart = allowsRestart
        self.limit = limit
        self.clock = clock
    }

    /// Takes the run.
    ///
    /// - Throws: A ``StartError`` if it was run before, or runs.
    public func begin() throws(StartError) {
        let isOurs = state.withLock { state in
            defer { state.isTaken = true }
            return !state.isTaken
        }
        guard !isOurs else { return }
        throw StartError(
            .invalidConfiguration,
            "\(subject) was run twice. Give each service and each client one of its own.")
    }

    /// Lets calls through.
    ///
    /// - Parameter resource: What they use.
    public func ready(_ resource: Resource) {
        state.withLock { $0.phase = .running(resource) }
        begun.open()
    }

    /// Ends the run: calls fail from now on.
    ///
    /// - Parameter error: What they throw; that it has stopped if `nil`. The first reason stays.
    public func end(throwing error: MicroError? = nil) {
        let stopped = error ?? MicroError(.unavailable, "\(subject) has stopped.", processed: .no)
        state.withLock { state in
            if allowsRestart { state.isTaken = false }
            if case .ended = state.phase { return }
            state.phase = .ended(stopped)
        }
        begun.open()
    }

    /// What calls use, if it runs.
    public var current: Resource? {
        if case .running(let resource) = state.withLock(\.phase) { resource } else { nil }
    }

    /// Returns what calls use; waits until it runs.
    ///
    /// - Returns: What ``ready(_:)`` was given.
    /// - Throws: A ``MicroError`` with the status `unavailable` if it does not begin to run within some seconds, or
    ///   has ended, and `cancelled` if the task is cancelled while it waits.
    public func resource() async throws(MicroError) -> Resource {
        _ = await begun.wait(for: limit, clock: clock)
        switch state.withLock(\.phase) {
        case .running(let resource): return resource
        case .ended(let error): throw error
        case .waiting where Task.isCancelled:
            throw MicroError(.cancelled, "The task was cancelled.", processed: .no)
        case .waiting:
            throw MicroError(
                .unavailable, "\(subject) does not run. Call its run() in a task beside its use.",
                processed: .no)
        }
    }
}

extension RunGate where Resource == Void {
    /// Lets calls through.
    public func ready() { ready(()) }

    /// Waits until it runs.
    ///
    /// - Throws: What ``resource()`` throws.
    public func waitUntilRunning() async throws(MicroError) { try await resource() }
}
