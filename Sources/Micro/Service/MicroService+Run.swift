internal import Logging
internal import MicroCore
internal import MicroPluginKit
internal import ServiceLifecycle

extension MicroService {
    /// Runs the service until it is told to stop.
    ///
    /// It stops on SIGTERM and SIGINT, and when the task is cancelled. Either way it stops in order; see the
    /// type's documentation. A second signal, or cancelling a service that is stopping already, forces the stop: it
    /// waits for nothing more, and cancels the calls that run. A service that does not even then end is ended with
    /// its process, by a third signal or after 5 seconds.
    ///
    /// A `ServiceGroup` that has the service among its services handles signals itself, and tells the
    /// service to stop. Inside a `Service` of your own, pass `handlingSignals: false`.
    ///
    /// - Parameters:
    ///   - handlingSignals: Whether SIGTERM and SIGINT stop the service.
    ///   - onReady: Called once the service answers calls and the registry was told.
    /// - Throws: A ``StartError`` if the service can't start, or the registry fails for good.
    public func run(
        handlingSignals: Bool = true, onReady: @escaping @Sendable (RunningService) -> Void = { _ in }
    ) async throws {
        let stop = StopSignal()
        let job = ServiceJob(service: self, stop: stop, onReady: onReady)
        guard handlingSignals else { return try await job.run() }
        try await StopSignals.handling(for: stop) { try await job.run() }
    }

    /// Runs the service as one of a `ServiceGroup`, which handles signals.
    ///
    /// - Throws: A ``StartError`` if the service can't start, or the registry fails for good.
    @_disfavoredOverload
    public func run() async throws { try await run(handlingSignals: false) }

    /// Runs the service for as long as a closure does, and stops it in order.
    ///
    /// ```swift
    /// try await service.withRunning { running in
    ///     let reply = try await running.client.call("greeter", "Greeter.Hello", …)
    /// }
    /// ```
    ///
    /// - Parameter body: Called once the service answers calls and the registry was told.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw, or a ``StartError`` if the service can't start.
    @discardableResult
    public func withRunning<Result: Sendable>(
        _ body: (RunningService) async throws -> Result
    ) async throws -> Result {
        let running = Shared<RunningService?>(nil)
        let isReady = Latch()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            // The service; it is cancelled when the closure has ended, stops in order, and is waited for.
            group.addTask {
                defer { isReady.open() }
                try await self.run(handlingSignals: false) { service in
                    running.value = service
                    isReady.open()
                }
            }
            await isReady.wait()
            guard let service = running.value else {
                try await group.next()
                throw CancellationError()
            }
            let result: Swift.Result<Result, any Error>
            do {
                result = .success(try await body(service))
            } catch {
                result = .failure(error)
            }
            group.cancelAll()
            try await group.waitForAll()
            return try result.get()
        }
    }
}

/// One run of a service, as something that a `ServiceGroup` can run.
struct ServiceJob: Service {
    let service: MicroService
    let stop: StopSignal
    let onReady: @Sendable (RunningService) -> Void

    func run() async throws {
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                try await runShielded()
            } onGracefulShutdown: {
                stop.request()
            }
        } onCancel: {
            stop.requestByCancellation()
        }
    }

    /// Runs the service in a task that isn't cancelled together with this one.
    ///
    /// Cancellation would reach registry, transport and client at once, and the service could neither
    /// leave the registry nor let its calls finish. Here it becomes a request to stop in order. The task is
    /// awaited at once and has ended when this function returns, so it is as good as a child.
    private func runShielded() async throws {
        let run = ServiceRun(service: service, stop: stop, onReady: onReady)
        try await Task { try await run.run() }.value
    }
}

/// The request to stop a service, and to stop at once.
final class StopSignal: Sendable {
    /// The service is to stop.
    let stop = Latch()

    /// It is to stop without waiting for calls.
    let haste = Latch()

    func request() { stop.open() }

    /// Makes a service that is stopping stop without waiting for anything.
    func force() { haste.open() }

    /// The first cancellation of a service that runs makes it stop in order; if it is stopping, stop at once.
    func requestByCancellation() {
        if stop.isOpen { haste.open() }
        stop.open()
    }
}
