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
        let failure = Shared<(any Error)?>(nil)
        let stopBegin = Shared<ContinuousClock.Instant?>(nil)
        try await plan.parts.whileRunning { _, error in
            // The service stops in order, and then tells why.
            failure.value = failure.value ?? error
            stop.request()
        } _: {
            try await withThrowingDiscardingTaskGroup { group in
                // The client works beside the service, and ends with the group: after the service has left the
                // registry and its last call has ended.
                group.addTask { await plan.engine.run() }
                defer { group.cancelAll() }
                _ = try? await stop.stop.runUntilOpen { try await plan.parts.waitUntilReady() }
                if !stop.stop.isOpen { try await serve(plan, stopBegin) }
            }
        }
        if let begin = stopBegin.value { ServiceStop.logEnd(since: begin, plan) }
        if let error = failure.value { throw error }
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
    private func serve(_ plan: ServicePlan, _ stopBegin: Shared<ContinuousClock.Instant?>) async throws {
        let listeners = try await ServiceListeners(opening: plan.listeners, handler: plan.router)
        let running = RunningService(
            identity: plan.settings.identity, addresses: listeners.addresses,
            client: service.client, parts: plan.parts,
            subscriptions: EventSubscriptions(plan.subscribers, parts: plan.parts),
            currentRecord: { plan.record(listeners) })
        try await subscribe(running, listeners)
        let registration = Registration(
            registry: plan.registry, timeToLive: plan.settings.timeToLive, record: running.currentRecord)
        do {
            try await stop.stop.runUntilOpen {
                let record = try await registration.begin()
                plan.overview.enter(.serving)
                listeners.log()
                log(running, plan)
                onReady(running)
                await registration.renew(record, every: plan.settings.interval)
            }
        } catch let error as StartError {
            await giveUp(running, listeners)
            // The registry may hold some of the nodes, and can't hold another one.
            if listeners.members.count > 1 { _ = await registration.end() }
            throw error
        } catch {
            // The service is told to stop.
        }
        stopBegin.value = .now
        await ServiceStop(plan: plan, stop: stop).run(running, listeners, registration)
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
            "The service runs.",
            metadata: [
                LogKeys.service: "\(running.identity.name)", LogKeys.version: "\(running.identity.version)",
                LogKeys.node: "\(running.identity.nodeID)",
                LogKeys.address: "\(running.addresses.map(\.description).joined(separator: ", "))",
                LogKeys.registry: "\(plan.registry.name)",
            ])
    }
}
