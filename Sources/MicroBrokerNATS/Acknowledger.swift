internal import Logging
internal import MicroCore
internal import MicroNATS
internal import MicroPluginKit
internal import Synchronization

/// The messages that a subscription has been handed and not settled yet.
final class UnackedMessages: Sendable {
    private let messages = Mutex<[UInt64: JetStreamMessage]>([:])
    private let released = Mutex<[JetStreamMessage]>([])

    var count: Int { messages.withLock(\.count) }

    func hold(_ message: JetStreamMessage) {
        messages.withLock { $0[message.streamSequence] = message }
    }

    func remove(_ message: JetStreamMessage) {
        messages.withLock { _ = $0.removeValue(forKey: message.streamSequence) }
    }

    /// Records a message that nobody will handle here.
    func release(_ message: JetStreamMessage) {
        remove(message)
        released.withLock { $0.append(message) }
    }

    /// Gives everything back, so that another subscription gets it at once.
    func refuseAll() async {
        let all = messages.withLock { messages in
            defer { messages = [:] }
            return Array(messages.values)
        }
        let left = released.withLock { released in
            defer { released = [] }
            return released
        }
        // What can't be given back now is handed out again when its time is up.
        for message in all + left { try? await message.refuse() }
    }

    /// Asks for more time for all of them.
    func showWork() async {
        for message in messages.withLock({ Array($0.values) }) {
            // If it can't be said now, it is said again soon.
            try? await message.workOn()
        }
    }
}

/// Gives events to the handler, and tells the server what became of them.
struct Acknowledger: Sendable {
    let held: UnackedMessages
    let abandoned: Tally
    let options: NATSBroker.JetStreamOptions

    /// Handles one event.
    ///
    /// - Returns: Whether it was accepted, or will come again.
    func handle(
        _ message: JetStreamMessage, _ handler: EventHandler
    ) async -> Bool {
        guard let event = CoreSubscription.event(message.message) else {
            held.remove(message)
            // It would never become an event; if the server can't be told, it comes and goes again.
            try? await message.terminate()
            return false
        }
        let outcome = await ReceivedEvent.deliver(event, attempt: message.deliveries, to: handler) { word in
            do throws(NATSError) {
                try await settle(message, word)
            } catch {
                throw MicroError(error)
            }
        }
        held.remove(message)
        return outcome == .ack || message.deliveries < options.maximumDeliveries
    }

    private func settle(_ message: JetStreamMessage, _ word: Acknowledgement) async throws(NATSError) {
        held.remove(message)
        switch word {
        case .ack: try await message.acknowledge()
        case .nack where message.deliveries >= options.maximumDeliveries:
            abandoned.add()
            Logger.current.warning(
                "An event was refused as often as it may be, and is given up.",
                metadata: [
                    "messaging.destination.name": "\(message.message.subject.printable())",
                    "micro.nats.stream": "\(message.stream.printable())",
                    "micro.nats.sequence": "\(message.streamSequence)",
                    "micro.nats.deliveries": "\(message.deliveries)",
                ])
            try await message.terminate()
        case .nack(let delay):
            let factor = Int(1) << min(max(message.deliveries - 1, 0), 10)
            try await message.refuse(after: delay ?? options.redeliveryDelay * factor)
        }
    }
}
