internal import Logging
import MicroCore
internal import MicroPluginKit
internal import ServiceLifecycle

/// The services that run beside a service because it needs them, such as the pool of a database.
///
/// They begin in the order in which they were given, before the service starts, and are shut down gracefully in
/// reverse after the service has drained.
struct CompanionServices: Sendable {
    private let companions: [Companion]

    init(_ services: [any Service]) { companions = services.map { Companion($0) } }

    /// Runs the services while a closure runs.
    ///
    /// - Parameters:
    ///   - force: Opened when nothing is to be waited for any more.
    ///   - onFailure: Called with the reason when a service ends that should not.
    ///   - body: What uses the services; returns until when they may take to end before they are cancelled.
    func whileRunning(
        force: Latch, onFailure: @escaping @Sendable (any Error) -> Void,
        _ body: () async -> ContinuousClock.Instant
    ) async {
        await withDiscardingTaskGroup { group in
            for companion in companions {
                // Ends when the service does, which is shut down below.
                group.addTask { await companion.run(onFailure: onFailure) }
                // One that was given later may rely on it.
                await companion.begun.wait()
            }
            let deadline = await body()
            for companion in companions.reversed() {
                await companion.shutDown(force: force, deadline: deadline)
            }
            group.cancelAll()
        }
    }
}

/// A service with what runs it and shuts it down.
private final class Companion: Sendable {
    private let service: any Service

    /// Groups of one service: the end of one must not be that of those which are needed still.
    private let group: ServiceGroup

    /// The service's `run()` was called.
    let begun: Latch
    private let stopping = Latch()
    private let ended = Latch()

    init(_ service: any Service) {
        self.service = service
        begun = Latch()
        group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [Begun(service: service, begun: begun)], logger: .current))
    }

    func run(onFailure: @Sendable (any Error) -> Void) async {
        defer {
            begun.open()
            ended.open()
        }
        let (group, logger) = (group, Logger.current)
        // Detached, since a group around this one would tell it to shut down before the calls have ended. The task is
        // awaited at once, and cancelled with this one, so it is as good as a child.
        let task = Task.detached {
            try await withLogger(logger) { _ in try await group.run() }
        }
        do {
            try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
            if !stopping.isOpen { onFailure(unexpectedEnd) }
        } catch {
            guard !stopping.isOpen else { return }
            let isEarlyEnd = (error as? ServiceGroupError)?.errorCode == .serviceFinishedUnexpectedly
            onFailure(isEarlyEnd ? unexpectedEnd : error)
        }
    }

    /// Tells the service to end, and waits until it has, the deadline has passed, or the stop is forced.
    func shutDown(force: Latch, deadline: ContinuousClock.Instant) async {
        stopping.open()
        await group.triggerGracefulShutdown()
        let ended = ended
        _ = try? await force.runUntilOpen { await ended.wait(until: deadline) }
    }

    private var unexpectedEnd: StartError {
        StartError(
            .unavailable,
            "\(type(of: service)), which runs beside the service, has ended before it was told to.")
    }
}

/// A service that says when it is run.
private struct Begun: Service {
    let service: any Service
    let begun: Latch

    func run() async throws {
        begun.open()
        try await service.run()
    }
}
