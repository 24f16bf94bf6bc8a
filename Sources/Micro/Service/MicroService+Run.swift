internal import Logging
internal import MicroCore
internal import MicroPluginKit
internal import ServiceLifecycle

extension MicroService {
    /// Runs the service until its task is cancelled or shut down gracefully.
    ///
    /// It is what a `ServiceGroup` calls, and changes nothing outside the service: it leaves signals, the logging
    /// system and the end of the process to others. A program that is nothing but the service calls ``main()``.
    ///
    /// Either way to stop it stops it in order; see the type's documentation. Cancelling a service that is stopping
    /// already forces the stop: it waits for nothing more, and cancels the calls that run.
    ///
    /// - Throws: A ``StartError`` if the service can't start or the registry fails for good, or what a hook threw, or
    ///   one of the `services` beside it.
    public func run() async throws { try await run(until: StopSignal()) }

    /// Runs the service until it is told to stop.
    ///
    /// - Parameters:
    ///   - stop: What stops it, beside its task.
    ///   - onReady: Called once the service answers calls and is registered, after the hooks.
    /// - Throws: What ``run()`` throws.
    func run(
        until stop: StopSignal, onReady: @escaping @Sendable (RunningService) -> Void = { _ in }
    ) async throws {
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                // Cancellation would reach registry, transport and client at once, and the service could neither leave
                // the registry nor let its calls finish. Here it becomes a request to stop in order. The task is awaited
                // at once and has ended when this function returns, so it is as good as a child.
                let run = ServiceRun(service: self, stop: stop, onReady: onReady)
                try await Task { try await run.run() }.value
            } onGracefulShutdown: {
                stop.request()
            }
        } onCancel: {
            stop.requestByCancellation()
        }
    }

    /// Runs the service for as long as a closure does, and stops it in order.
    ///
    /// ```swift
    /// try await service.withRunning { running in
    ///     let reply = try await running.client.call("greeter", "Greeter.Hello", …)
    /// }
    /// ```
    ///
    /// - Parameter body: Called once the service answers calls and is registered.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw, or what ``run()`` throws.
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
                try await self.run(until: StopSignal()) { service in
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
