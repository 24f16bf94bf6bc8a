import Logging
import MicroCore
import MicroPluginKit
import Synchronization

/// What a publisher knows of the subscriptions in the registry; it watches them once something is published.
final class Receivers: Sendable {
    private struct State {
        var receivers: [NodeKey: BrokerRecord.Receiver] = [:]
        var failure: String?
    }

    private let state = Mutex(State())
    private let isWanted = Latch()

    /// The registry has answered, or has failed to.
    private let isSettled = Latch()
    private let clock: any Clock<Duration>

    init(clock: any Clock<Duration>) { self.clock = clock }

    /// Returns the subscriptions that get an event: all of those without a queue, and for each queue its
    /// members in the order in which they are tried.
    ///
    /// - Throws: `unavailable` if the registry does not answer.
    func choose(topic: String, within limit: Duration) async throws(MicroError) -> [[BrokerRecord.Receiver]] {
        isWanted.open()
        let isKnown = await isSettled.wait(for: limit, clock: clock)
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
        await registry.follow(BrokerRecord.service) { nodes in
            var receivers: [NodeKey: BrokerRecord.Receiver] = [:]
            for (key, node) in nodes { receivers[key] = BrokerRecord.Receiver(key, node) }
            state.withLock { $0 = State(receivers: receivers) }
            isSettled.open()
        } onFailure: {
            fail($0)
        }
    }

    private func fail(_ error: any Error) {
        Logger.current.warning(
            "The registry can't be watched; events go to the subscribers that are known.",
            metadata: [LogKeys.error: "\(error)"])
        state.withLock { $0.failure = "\(error)" }
        isSettled.open()
    }
}
