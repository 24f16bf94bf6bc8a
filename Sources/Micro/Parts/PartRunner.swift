internal import Logging
import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// Runs the parts of a service or client, from when each is made until the service or client has ended.
///
/// Parts start in the order in which they were made, in which one that another needs comes before it; each when the
/// one before it is ready. They stop in reverse order.
final class PartRunner: Sendable {
    /// One part's run.
    private final class Run: Sendable {
        let part: any Part
        let key: PartKey

        /// The part is to end.
        let stop = Latch()

        /// The part is ready, or has ended.
        let settled = Latch()

        /// The part has ended.
        let ended = Latch()

        init(_ part: any Part, _ key: PartKey) {
            self.part = part
            self.key = key
        }

        func end() {
            ended.open()
            settled.open()
        }
    }

    private struct State {
        var runs: [Run] = []
        var failure: StartError?
    }

    private let state = Mutex(State())
    private let added: AsyncStream<Run>
    private let adding: AsyncStream<Run>.Continuation

    init() { (added, adding) = AsyncStream.makeStream() }

    /// Adds a part that was made; those that it needs were added before.
    func add(_ part: any Part, _ key: PartKey) {
        let run = Run(part, key)
        state.withLock { $0.runs.append(run) }
        // Behind the end nothing starts any more.
        if case .terminated = adding.yield(run) { run.end() }
    }

    /// Waits until the parts that were made are ready.
    ///
    /// - Throws: Why one of them can't be used.
    func waitUntilReady() async throws(StartError) {
        for run in state.withLock(\.runs) { await run.settled.wait() }
        if let failure = state.withLock(\.failure) { throw failure }
    }

    /// Runs the parts while a closure runs, and then stops them.
    ///
    /// - Parameters:
    ///   - onFailure: Told which part can't be used any more, and why.
    ///   - body: What uses the parts.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw.
    func whileRunning<Value: Sendable>(
        onFailure: @escaping @Sendable (PartKey, StartError) -> Void, _ body: () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Starts the parts as they are made, and ends when all that it started have ended.
            group.addTask { await self.startAll(onFailure) }
            let result: Result<Value, any Error>
            do {
                result = .success(try await body())
            } catch {
                result = .failure(error)
            }
            adding.finish()
            await stopAll()
            try await group.waitForAll()
            return try result.get()
        }
    }

    private func startAll(_ onFailure: @escaping @Sendable (PartKey, StartError) -> Void) async {
        await withDiscardingTaskGroup { group in
            for await run in added {
                // Ends when the part does, which `stopAll` stops.
                group.addTask { await self.perform(run, onFailure) }
                await self.settle(run, onFailure)
            }
        }
        // All that was started has ended, and nothing starts any more.
        for run in state.withLock(\.runs) { run.end() }
    }

    private func perform(_ run: Run, _ onFailure: (PartKey, StartError) -> Void) async {
        defer { run.end() }
        guard !run.stop.isOpen else { return }
        do {
            try await run.stop.runUntilOpen { try await run.part.run() }
        } catch {
            if !run.stop.isOpen, !Task.isCancelled { fail(run, error, onFailure) }
        }
    }

    /// Waits until a part is ready, has ended, or is told to end.
    private func settle(_ run: Run, _ onFailure: @escaping @Sendable (PartKey, StartError) -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            // Whichever ends first has the other one cancelled.
            group.addTask {
                do {
                    try await run.part.waitUntilReady()
                } catch {
                    if !run.stop.isOpen, !Task.isCancelled { self.fail(run, error, onFailure) }
                }
            }
            group.addTask { await run.settled.wait() }
            await group.next()
            group.cancelAll()
        }
        run.settled.open()
    }

    private func fail(_ run: Run, _ error: any Error, _ onFailure: (PartKey, StartError) -> Void) {
        let name = run.key.name
        Logger.current.error(
            "The \(name) failed.", metadata: [LogKeys.error: "\("\(error)".printable(limit: 2000))"])
        let reason = error as? StartError ?? StartError(.unavailable, "The \(name) failed: \(error)")
        state.withLock { $0.failure = $0.failure ?? reason }
        onFailure(run.key, reason)
    }

    private func stopAll() async {
        let runs = state.withLock(\.runs)
        // One that never gets ready must not keep those behind it from being told to end.
        for run in runs { run.settled.open() }
        for run in runs.reversed() {
            run.stop.open()
            await run.ended.waitIgnoringCancellation()
        }
    }
}
