#if canImport(Darwin)
    internal import Dispatch
    internal import Darwin
#else
    @preconcurrency internal import Dispatch
#endif

/// Receives signals on a queue.
enum SignalSource {
    /// Receives a signal from the moment on at which this returns, until the source is cancelled.
    ///
    /// - Parameters:
    ///   - number: The signal.
    ///   - queue: Where the handler runs.
    ///   - handler: Called for each signal; those that come together count as one.
    /// - Returns: The source.
    static func start(
        _ number: Int32, on queue: DispatchQueue, _ handler: @escaping @Sendable () -> Void
    ) async -> any DispatchSourceSignal {
        #if canImport(Darwin)
            // Dispatch sees there only what the process ignores.
            signal(number, SIG_IGN)
        #endif
        let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
        source.setEventHandler(handler: handler)
        await withCheckedContinuation { continuation in
            source.setRegistrationHandler { continuation.resume() }
            source.resume()
        }
        return source
    }
}
