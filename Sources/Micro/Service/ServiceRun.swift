internal import Logging
import MicroCore

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
        guard !stop.stop.hasFired else { return await endUnstarted(plan) }
        try await withLogger(plan.logger) { _ in try await run(plan) }
    }

    private func run(_ plan: ServicePlan) async throws {
        let failure = Shared<(any Error)?>(nil)
        try await withThrowingDiscardingTaskGroup { group in
            // The registry and the client work beside the service, and end with the group: after the service
            // has left the registry and its last call has ended.
            group.addTask {
                do {
                    try await plan.registry.run()
                } catch {
                    guard !Task.isCancelled else { return }
                    // The service stops in order, and then tells why.
                    failure.value = error
                    stop.request()
                }
            }
            group.addTask { await plan.engine.run() }
            defer { group.cancelAll() }
            try await plan.engine.broker.whileRunning { error in
                failure.value = error
                stop.request()
            } _: {
                try await serve(plan)
            }
        }
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
    private func serve(_ plan: ServicePlan) async throws {
        let listener = try await plan.transport.listen(on: plan.settings.address, handler: plan.router)
        let running = RunningService(
            identity: plan.settings.identity, address: listener.address,
            record: plan.record(boundTo: listener.address), client: service.client,
            subscriptions: EventSubscriptions(plan.subscribers, broker: plan.engine.broker))
        try await subscribe(running, listener)
        let registration = Registration(
            registry: plan.registry, record: running.record, timeToLive: plan.settings.timeToLive)
        _ = try? await stop.stop.cancelling {
            await registration.begin()
            plan.overview.enter(.serving)
            log(running, plan)
            onReady(running)
            await registration.renew(every: plan.settings.interval)
        }
        plan.overview.enter(.leaving)
        if await registration.end() {
            _ = await stop.haste.wait(until: .now + plan.settings.spreadDelay)
        }
        plan.overview.enter(.draining)
        let deadline = ContinuousClock.now + plan.settings.drainTimeout
        _ = try? await stop.haste.cancelling { await listener.shutdown(deadline: deadline) }
        _ = try? await stop.haste.cancelling { await running.subscriptions.cancelAll(deadline: deadline) }
    }

    /// Opens the subscriptions, unless the service is told to stop meanwhile.
    private func subscribe(_ running: RunningService, _ listener: any Listener) async throws {
        do {
            try await stop.stop.cancelling { try await running.subscriptions.openAll() }
        } catch {
            guard !stop.stop.hasFired else { return }
            await listener.shutdown(deadline: .now)
            await running.subscriptions.cancelAll(deadline: .now)
            throw error
        }
    }

    private func log(_ running: RunningService, _ plan: ServicePlan) {
        Logger.current.info(
            "The service runs.",
            metadata: [
                LogKeys.service: "\(running.identity.name)", LogKeys.version: "\(running.identity.version)",
                LogKeys.node: "\(running.identity.nodeID)", LogKeys.address: "\(running.address)",
                LogKeys.registry: "\(plan.registry.name)",
            ])
    }
}

/// A node's place in the registry.
struct Registration: Sendable {
    /// The longest that leaving the registry may take when the service stops.
    private static let patience = Duration.seconds(5)

    /// How often the first registration is tried.
    private static let attempts = 3

    let registry: any Registry
    let record: ServiceRecord
    let timeToLive: Duration?

    /// Registers the node; if that fails a few times the service starts nevertheless, and the next
    /// repetition tries again.
    func begin() async {
        for attempt in 1...Self.attempts {
            if await register() || attempt == Self.attempts { return }
            if (try? await Task.sleep(for: Backoff.pause(before: attempt))) == nil { return }
        }
    }

    /// Repeats the registration until the task is cancelled.
    func renew(every interval: Duration?) async {
        guard let interval else { return await OneShot().wait() }
        while (try? await Task.sleep(for: interval)) != nil { await register() }
    }

    /// Removes the node.
    ///
    /// - Returns: Whether the registry was told.
    func end() async -> Bool {
        do {
            try await registry.deregister(record, within: Self.patience)
            return true
        } catch {
            Logger.current.warning(
                "The service could not leave the registry.", metadata: [LogKeys.error: "\(error)"])
            return false
        }
    }

    @discardableResult
    private func register() async -> Bool {
        do {
            try await registry.register(record, timeToLive: timeToLive)
            return true
        } catch {
            guard !Task.isCancelled else { return false }
            Logger.current.warning(
                "The service could not be registered; this is tried again.",
                metadata: [LogKeys.service: "\(record.name)", LogKeys.error: "\(error)"])
            return false
        }
    }
}
