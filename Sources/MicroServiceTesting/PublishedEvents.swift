public import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// The events that were published in a test, by whomever.
public final class PublishedEvents: Sendable {
    private struct State {
        var all: [BrokerEvent] = []

        /// How many events of a topic a test has taken.
        var taken: [String: Int] = [:]
    }

    private let state = Mutex(State())
    private let added = Condition()

    init() {}

    /// All of them, in the order in which they were published.
    public var all: [BrokerEvent] { state.withLock(\.all) }

    /// Returns those of a topic, in the order in which they were published.
    ///
    /// - Parameter topic: The topic.
    /// - Returns: The events.
    public func of(_ topic: String) -> [BrokerEvent] { all.filter { $0.topic == topic } }

    func add(_ event: BrokerEvent) {
        state.withLock { $0.all.append(event) }
        added.notifyAll()
    }

    /// Returns the next event of a topic that this has not returned yet; waits for it.
    func next(_ topic: String, within limit: Duration) async throws(MicroError) -> BrokerEvent {
        let deadline = ContinuousClock.now + limit
        while true {
            let generation = added.generation
            if let event = take(topic) { return event }
            guard .now < deadline, !Task.isCancelled else {
                throw MicroError(
                    .deadlineExceeded, "No further event of \"\(topic)\" was published within \(limit).")
            }
            await added.wait(since: generation, until: deadline)
        }
    }

    private func take(_ topic: String) -> BrokerEvent? {
        state.withLock { state in
            let events = state.all.filter { $0.topic == topic }
            let taken = state.taken[topic, default: 0]
            guard taken < events.count else { return nil }
            state.taken[topic] = taken + 1
            return events[taken]
        }
    }
}
