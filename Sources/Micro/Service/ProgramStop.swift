internal import Logging
import MicroCore
internal import Synchronization

#if canImport(Darwin)
    internal import Dispatch
    internal import Darwin
#else
    @preconcurrency internal import Dispatch
    #if canImport(Musl)
        internal import Musl
    #else
        internal import Glibc
    #endif
#endif

/// What ends a service that is a program: SIGTERM and SIGINT, and a limit on how long its stop may take.
///
/// The first signal stops the service in order, the second one at once, and the third one ends the process. A stop,
/// whatever its reason, that takes longer than its limit is forced; what does not end even then ends with the
/// process.
///
/// All of it happens on a thread of its own, so that it also works for a service whose handlers hold all threads
/// of Swift's pool.
final class ProgramStop: Sendable {
    private struct State {
        var signals = 0
        var lastSignal: Int32?
        var isForced = false
        var hasEnded = false
    }

    private let stop: StopSignal
    private let logger: Logger
    private let queue = DispatchQueue(label: "micro.stop")
    private let state = Mutex(State())

    private init(_ stop: StopSignal) {
        self.stop = stop
        logger = .current
    }

    /// Runs a service, and stops it when signals arrive.
    ///
    /// - Parameters:
    ///   - stop: What stops the service.
    ///   - body: Runs the service.
    /// - Throws: What the closure threw.
    static func handling(for stop: StopSignal, _ body: () async throws -> Void) async throws {
        let program = ProgramStop(stop)
        let sources = await program.trapSignals()
        stop.whenRequested { program.limitStop() }
        defer {
            program.state.withLock { $0.hasEnded = true }
            for source in sources { source.cancel() }
        }
        try await body()
    }

    /// Receives the signals from now on.
    private func trapSignals() async -> [any DispatchSourceSignal] {
        var sources: [any DispatchSourceSignal] = []
        for number in [SIGTERM, SIGINT] {
            sources.append(await SignalSource.start(number, on: queue) { self.received(number) })
        }
        return sources
    }

    private func received(_ signal: Int32) {
        let count = state.withLock { state in
            state.signals += 1
            state.lastSignal = signal
            return state.signals
        }
        switch count {
        case 1:
            logger.notice("A signal asks the service to stop.", metadata: metadata)
            stop.request()
        case 2:
            force("A second signal forces the stop: nothing more is waited for.")
        default:
            end("A third signal ends the process.")
        }
    }

    /// Forces the stop that has just begun if it takes too long.
    private func limitStop() {
        let limit = stop.limit ?? stop.limits.cleanUp * 3
        after(limit) { [self] in
            force("The service has not stopped within its limit, so the stop is forced.", limit: limit)
        }
    }

    private func force(_ message: Logger.Message, limit: Duration? = nil) {
        let isNew = state.withLock { state in
            guard !state.isForced, !state.hasEnded else { return false }
            state.isForced = true
            return true
        }
        guard isNew else { return }
        var metadata = metadata
        if let limit { metadata[LogKeys.limit] = "\(limit)" }
        logger.warning(message, metadata: metadata)
        stop.force()
        after(stop.limits.forced) { [self] in
            end(
                "The service does not end, so its process does: a handler or hook ignores that it is cancelled."
            )
        }
    }

    private func end(_ message: Logger.Message) {
        let (hasEnded, signal) = state.withLock { ($0.hasEnded, $0.lastSignal) }
        guard !hasEnded else { return }
        logger.error(message, metadata: metadata)
        _exit(signal.map { 128 + $0 } ?? 1)
    }

    private func after(_ delay: Duration, _ body: @escaping @Sendable () -> Void) {
        // A day is as good as any time beyond.
        let milliseconds = Int(min(max(delay, .zero), .seconds(24 * 3600)) / .milliseconds(1))
        queue.asyncAfter(deadline: .now() + .milliseconds(milliseconds), execute: body)
    }

    private var metadata: Logger.Metadata {
        guard let signal = state.withLock(\.lastSignal) else { return [:] }
        return [LogKeys.signal: "\(signal == SIGTERM ? "SIGTERM" : "SIGINT")"]
    }
}
