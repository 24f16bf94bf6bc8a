internal import Logging
import MicroCore
internal import MicroPluginKit

/// The end of a service's run: it leaves the registry, and lets calls and events finish.
///
/// Each step is logged with what it waits for, and for how long at most: whoever watches a service that does not
/// end must see why.
struct ServiceStop: Sendable {
    let plan: ServicePlan
    let stop: StopSignal

    /// How long a service may take to stop in order, with all that is around it.
    static func longest(_ settings: ServiceSettings, _ limits: StopLimits) -> Duration {
        limit(settings, limits) + limits.cleanUp * 3
    }

    /// Until when hooks, and then the services beside, may take to end: what is left of the stop's limits, and some
    /// seconds at least.
    static func cleanUpDeadline(
        since begin: ContinuousClock.Instant?, _ settings: ServiceSettings, _ limits: StopLimits
    ) -> ContinuousClock.Instant {
        let earliest = ContinuousClock.now + limits.cleanUp
        return begin.map { max($0 + limit(settings, limits), earliest) } ?? earliest
    }

    private static func limit(_ settings: ServiceSettings, _ limits: StopLimits) -> Duration {
        limits.deregistration + settings.deregistrationDelay + settings.drainTimeout
    }

    /// Stops the service in order, or at once when that is forced.
    func run(_ running: RunningService, _ listeners: ServiceListeners, _ registration: Registration) async {
        await leave(registration)
        await drain(running, listeners)
    }

    /// Logs that the service has stopped: also its broker, its registry and its client have ended.
    ///
    /// - Parameters:
    ///   - begin: When the stop began.
    ///   - plan: The service's parts.
    static func logEnd(since begin: ContinuousClock.Instant, _ plan: ServicePlan) {
        Logger.current.notice(
            "Service stopped.",
            metadata: [
                LogKeys.service: "\(plan.settings.identity.name)",
                LogKeys.duration: "\(text(.now - begin))",
            ])
    }

    private func leave(_ registration: Registration) async {
        let limit = stop.limits.deregistration
        plan.overview.enter(.leaving)
        log(
            "Service stopping: deregistering.",
            limit: registration.isRegistered ? limit : nil)
        let hasLeft = (try? await stop.haste.runUntilOpen { await registration.end(within: limit) }) ?? false
        let delay = plan.settings.deregistrationDelay
        guard hasLeft, delay > .zero, !stop.haste.isOpen else { return }
        log("Waiting for the registry's clients to see the deregistration.", limit: delay)
        _ = await stop.haste.wait(until: .now + delay)
    }

    private func drain(_ running: RunningService, _ listeners: ServiceListeners) async {
        plan.overview.enter(.draining)
        let limit = plan.settings.drainTimeout
        let deadline = ContinuousClock.now + limit
        if stop.haste.isOpen {
            log("Cancelling running calls and events.", limit: nil)
        } else {
            log("Draining: new calls are refused, running calls and events may end.", limit: limit)
        }
        _ = try? await stop.haste.runUntilOpen { await listeners.shutdown(deadline: deadline) }
        _ = try? await stop.haste.runUntilOpen { await running.subscriptions.cancelAll(deadline: deadline) }
        guard !stop.haste.isOpen, .now >= deadline else { return }
        Logger.current.warning(
            "Calls or events that did not end within the limit were cancelled. MICRO_SERVER_DRAIN_TIMEOUT sets it.",
            metadata: [LogKeys.limit: "\(Self.text(limit))"])
    }

    private func log(_ message: Logger.Message, limit: Duration?) {
        var metadata: Logger.Metadata = [LogKeys.service: "\(plan.settings.identity.name)"]
        if let limit { metadata[LogKeys.limit] = "\(Self.text(limit))" }
        Logger.current.notice(message, metadata: metadata)
    }

    private static func text(_ duration: Duration) -> String {
        let milliseconds = duration / .milliseconds(1)
        return milliseconds < 1000 ? "\(Int(milliseconds)) ms" : "\((milliseconds / 100).rounded() / 10) s"
    }
}
