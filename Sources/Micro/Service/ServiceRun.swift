internal import Logging
import MicroCore
internal import MicroPluginKit

/// One run of a service, from its start to its end.
struct ServiceRun: Sendable {
    let service: MicroService
    let stop: StopSignal
    let onReady: @Sendable (RunningService) -> Void

    func run() async throws {
        let plan: ServicePlan
        do {
            plan = try ServicePlan(service.definition, client: service.client)
            try service.client.core.start(plan.engine)
        } catch {
            service.client.core.fail(error)
            throw error
        }
        guard !stop.stop.isOpen else { return await endUnstarted(plan) }
        try await withLogger(plan.logger) { _ in try await run(plan) }
    }

    private func run(_ plan: ServicePlan) async throws {
        stop.limit = ServiceStop.longest(plan.settings, stop.limits)
        let outcome = Outcome()
        let companions = CompanionServices(service.definition.services)
        try await plan.parts.whileRunning { _, error in
            end(outcome, error)
        } _: {
            await withDiscardingTaskGroup { group in
                // The client works beside the service, and ends with the group: after the service has left the
                // registry and its last call has ended.
                group.addTask { await plan.engine.run() }
                await companions.whileRunning(force: stop.haste) { error in
                    end(outcome, error)
                } _: {
                    await live(plan, outcome)
                    return ServiceStop.cleanUpDeadline(
                        since: outcome.stopBegin.value, plan.settings, stop.limits)
                }
                group.cancelAll()
            }
        }
        if let begin = outcome.stopBegin.value { ServiceStop.logEnd(since: begin, plan) }
        if let error = outcome.failure.value { throw error }
    }

    /// What has become of the run so far.
    private struct Outcome: Sendable {
        /// Why the service has failed.
        let failure = Shared<(any Error)?>(nil)

        /// When the service has begun to stop.
        let stopBegin = Shared<ContinuousClock.Instant?>(nil)
    }

    /// Makes the service stop in order, and say why then.
    private func end(_ outcome: Outcome, _ error: any Error) {
        outcome.failure.value = outcome.failure.value ?? error
        stop.request()
    }

    /// Runs the hooks and, between them, all that the service does for others.
    private func live(_ plan: ServicePlan, _ outcome: Outcome) async {
        let hooks = service.definition.hooks
        let context = LifecycleContext(
            identity: plan.settings.identity, client: service.client, parts: plan.parts)
        do {
            try await stop.stop.runUntilOpen { try await plan.parts.waitUntilReady() }
        } catch {
            // The service is told to stop, or the part's failure is its own already.
            return
        }
        do {
            try await stop.stop.runUntilOpen { try await hooks.runStart(context) }
            try await serve(plan, outcome)
        } catch {
            // A service that is told to stop while it starts has done nothing wrong.
            if !stop.stop.isOpen { end(outcome, error) }
        }
        let deadline = ServiceStop.cleanUpDeadline(
            since: outcome.stopBegin.value, plan.settings, stop.limits)
        _ = await withDeadline(deadline) {
            _ = try? await stop.haste.runUntilOpen {
                await hooks.runStop(context) { end(outcome, $0) }
            }
        }
    }

    /// Ends the client of a service that was stopped before it started.
    private func endUnstarted(_ plan: ServicePlan) async {
        await withDiscardingTaskGroup { group in
            // Cancelled before it begins, it only tells those who wait for the client that it has ended.
            group.addTask { await plan.engine.run() }
            group.cancelAll()
        }
    }

    /// Listens and subscribes, is registered until told to stop, and lets calls and events finish.
    private func serve(_ plan: ServicePlan, _ outcome: Outcome) async throws {
        let listeners = try await ServiceListeners(opening: plan.listeners, handler: plan.router)
        let running = RunningService(
            identity: plan.settings.identity, addresses: listeners.addresses,
            client: service.client, parts: plan.parts,
            subscriptions: EventSubscriptions(
                plan.subscribers, parts: plan.parts, metrics: plan.engine.metrics),
            currentRecord: { plan.record(listeners) })
        try await subscribe(running, listeners)
        let registration = Registration(
            registry: plan.registry, timeToLive: plan.settings.timeToLive, time: service.definition.time,
            record: running.currentRecord)
        do {
            let record = try await stop.stop.runUntilOpen { try await registration.begin() }
            plan.overview.enter(.serving)
            listeners.log()
            log(running, plan)
            await beRegistered(record, registration, running, plan, outcome)
        } catch let error as StartError {
            await giveUp(running, listeners)
            // The registry may hold some of the nodes, and can't hold another one.
            if listeners.members.count > 1 {
                _ = await registration.end(within: stop.limits.deregistration)
            }
            throw error
        } catch {
            // The service is told to stop.
        }
        outcome.stopBegin.value = .now
        await ServiceStop(plan: plan, stop: stop).run(running, listeners, registration)
    }

    /// Keeps the service registered until it is told to stop, or a hook fails.
    private func beRegistered(
        _ record: ServiceRecord, _ registration: Registration, _ running: RunningService, _ plan: ServicePlan,
        _ outcome: Outcome
    ) async {
        let (hooks, onReady) = (service.definition.hooks, onReady)
        do {
            try await stop.stop.runUntilOpen {
                try await withThrowingDiscardingTaskGroup { group in
                    // Ends with the group's task, which is cancelled when the service is to stop.
                    group.addTask { await registration.renew(record, every: plan.settings.interval) }
                    try await hooks.runReady(running)
                    onReady(running)
                }
            }
        } catch {
            if !stop.stop.isOpen { end(outcome, error) }
        }
    }

    /// Opens the subscriptions, unless the service is told to stop meanwhile.
    private func subscribe(_ running: RunningService, _ listeners: ServiceListeners) async throws {
        do {
            try await stop.stop.runUntilOpen { try await running.subscriptions.openAll() }
        } catch {
            guard !stop.stop.isOpen else { return }
            await giveUp(running, listeners)
            throw error
        }
    }

    /// Ends at once what a service that can't start has opened.
    private func giveUp(_ running: RunningService, _ listeners: ServiceListeners) async {
        await listeners.shutdown(deadline: .now)
        await running.subscriptions.cancelAll(deadline: .now)
    }

    private func log(_ running: RunningService, _ plan: ServicePlan) {
        Logger.current.notice(
            "Service started.",
            metadata: [
                LogKeys.service: "\(running.identity.name)", LogKeys.version: "\(running.identity.version)",
                LogKeys.node: "\(running.identity.nodeID)",
                LogKeys.address: "\(running.addresses.map(\.description).joined(separator: ", "))",
                LogKeys.registry: "\(plan.registry.name)",
            ])
    }
}
