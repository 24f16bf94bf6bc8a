import MicroCore
import MicroPluginKit
import Synchronization

extension MemoryBroker {
    /// What brokers share that reach each other: the open subscriptions.
    public final class Exchange: Sendable {
        /// The one of the process.
        public static let shared = Exchange()

        /// The subscriptions of a topic.
        private struct Topic {
            var all: [MemorySubscription] = []
            var queues: [String: Queue] = [:]

            var isEmpty: Bool { all.isEmpty && queues.isEmpty }
        }

        /// The subscriptions that share a queue, each of which gets an event in turn.
        private struct Queue {
            var members: [MemorySubscription] = []
            var turn = 0

            /// The members in the order in which they are asked to take the next event.
            mutating func next() -> [MemorySubscription] {
                guard !members.isEmpty else { return [] }
                turn = (turn + 1) % members.count
                return Array(members[turn...] + members[..<turn])
            }
        }

        private let topics = Mutex<[String: Topic]>([:])

        /// Creates an exchange without subscriptions.
        public init() {}

        func add(_ subscription: MemorySubscription) {
            topics.withLock { topics in
                var topic = topics[subscription.options.topic] ?? Topic()
                if let queue = subscription.options.queue {
                    topic.queues[queue, default: Queue()].members.append(subscription)
                } else {
                    topic.all.append(subscription)
                }
                topics[subscription.options.topic] = topic
            }
        }

        /// The number of a topic's receivers; subscriptions that share a queue are one.
        func receiverCount(of topic: String) -> Int {
            topics.withLock { topics in topics[topic].map { $0.all.count + $0.queues.count } ?? 0 }
        }

        func remove(_ subscription: MemorySubscription) {
            topics.withLock { topics in
                guard var topic = topics[subscription.options.topic] else { return }
                topic.all.removeAll { $0 === subscription }
                if let name = subscription.options.queue, var queue = topic.queues[name] {
                    queue.members.removeAll { $0 === subscription }
                    queue.turn = 0
                    topic.queues[name] = queue.members.isEmpty ? nil : queue
                }
                topics[subscription.options.topic] = topic.isEmpty ? nil : topic
            }
        }

        /// Queues an event at all who can handle it.
        ///
        /// - Throws: Why one of them can't.
        func publish(_ event: BrokerEvent) throws(MicroError) {
            let (all, queues) = topics.withLock { topics in
                var queues: [[MemorySubscription]] = []
                for name in topics[event.topic]?.queues.keys.map(\.self) ?? [] {
                    queues.append(topics[event.topic]?.queues[name]?.next() ?? [])
                }
                return (topics[event.topic]?.all ?? [], queues)
            }
            var refusal: MicroError?
            func offer(_ subscription: MemorySubscription) -> Bool {
                do { try subscription.handler.check(event) } catch {
                    refusal = error
                    return true
                }
                return subscription.queue.offer(event)
            }
            for subscription in all { _ = offer(subscription) }
            // A member that is just leaving takes nothing any more: then it is the next one's turn.
            for members in queues { _ = members.first(where: offer) }
            if let refusal { throw refusal }
        }
    }
}
