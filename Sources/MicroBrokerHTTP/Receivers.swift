import Logging
import MicroCore
import Synchronization

/// What a publisher knows of the subscriptions in the registry; it watches them once something is published.
final class Receivers: Sendable {
    private struct State {
        var receivers: [NodeKey: BrokerRecord.Receiver] = [:]
        var failure: String?
    }

    private let state = Mutex(State())
    private let isWanted = OneShot()

    /// The registry has answered, or has failed to.
    private let isSettled = OneShot()

    /// Returns the subscriptions that get an event: all of those without a queue, and for each queue its
    /// members in the order in which they are tried.
    ///
    /// - Throws: `unavailable` if the registry does not answer.
    func choose(topic: String, within limit: Duration) async throws(MicroError) -> [[BrokerRecord.Receiver]] {
        isWanted.fire()
        let isKnown = await isSettled.wait(until: .now + limit)
        let (receivers, failure) = state.withLock { ($0.receivers, $0.failure) }
        if receivers.isEmpty, !isKnown || failure != nil {
            if Task.isCancelled { throw MicroError(.cancelled, "The task was cancelled.", processed: .no) }
            throw MicroError(
                .unavailable,
                "The registry can't tell who subscribes to \"\(topic)\": \(failure ?? "it does not answer").",
                processed: .no)
        }
        let wanted = receivers.values.filter { $0.topic == topic }
        let queues = Dictionary(grouping: wanted.filter { $0.queue != nil }) { $0.queue ?? "" }
        return wanted.filter { $0.queue == nil }.map { [$0] } + queues.values.map { $0.shuffled() }
    }

    /// Forgets a subscription that was found to be gone, until the registry says otherwise.
    func forget(_ receiver: BrokerRecord.Receiver) {
        state.withLock { state in
            if state.receivers[receiver.key] == receiver { state.receivers[receiver.key] = nil }
        }
    }

    /// Follows the registry, once that is wanted, until the task is cancelled.
    func run(_ registry: any Registry) async {
        await isWanted.wait()
        var failures = 0
        while !Task.isCancelled {
            do {
                try await follow(registry.watch(BrokerRecord.service)) { failures = 0 }
            } catch {
                fail(error)
            }
            failures = min(failures + 1, 7)
            // Half a second at first, half a minute at most.
            try? await Task.sleep(for: .milliseconds(250 << failures))
        }
    }

    private func follow(_ changes: RegistryChanges, onSync: () -> Void) async throws {
        var receivers: [NodeKey: BrokerRecord.Receiver] = [:]
        var isSynced = false
        for try await change in changes {
            switch change {
            case .up(let record):
                guard let receiver = BrokerRecord.Receiver(record) else { continue }
                receivers[receiver.key] = receiver
            case .down(let key):
                receivers[key] = nil
            case .synced:
                isSynced = true
                onSync()
            }
            guard isSynced else { continue }
            state.withLock { $0 = State(receivers: receivers) }
            isSettled.fire()
        }
    }

    private func fail(_ error: any Error) {
        guard !Task.isCancelled, !(error is CancellationError) else { return }
        Logger.current.warning(
            "The registry can't be watched; events go to the subscribers that are known.",
            metadata: [LogKeys.error: "\(error)"])
        state.withLock { $0.failure = "\(error)" }
        isSettled.fire()
    }
}
