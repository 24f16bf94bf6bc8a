import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// A client from its creation on: it becomes an engine when it runs.
final class ClientCore: Sendable {
    private let running = AtomicLazyReference<ClientEngine>()
    private let started = Latch()
    private let failure = Mutex<StartError?>(nil)

    /// Makes the client's calls possible.
    func start(_ engine: ClientEngine) throws(StartError) {
        guard running.storeIfNil(engine) === engine else {
            throw StartError(
                .invalidConfiguration, "The client was run twice. Make another one, or run it only once.")
        }
        started.open()
    }

    /// Makes calls fail: the client can't be run.
    func fail(_ error: StartError) {
        failure.withLock { $0 = error }
        started.open()
    }

    /// The engine, if the client runs or ran.
    var engine: ClientEngine? { running.load() }

    /// Returns the engine; waits for the client to run.
    ///
    /// - Parameter deadline: How long to wait; the default request timeout if `nil`.
    /// - Returns: The engine.
    /// - Throws: Why the client does not run.
    func engine(deadline: ContinuousClock.Instant?) async throws(MicroError) -> ClientEngine {
        if let engine = running.load() { return engine }
        _ = await started.wait(until: deadline ?? .now + .seconds(5))
        if let engine = running.load() { return engine }
        if Task.isCancelled { throw ClientErrors.cancelled() }
        if let error = failure.withLock({ $0 }) { throw ClientErrors.unavailable(error.message) }
        if let deadline, deadline <= .now {
            throw ClientErrors.deadlineExceeded(
                "the client was not running in time; is its run() called in a task beside its calls?")
        }
        throw ClientErrors.unavailable(
            "The client does not run. Call run() in a task beside its calls, or use withMicroClient.")
    }
}
