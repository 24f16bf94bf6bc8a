public import MicroCore
import Synchronization

extension ReceivedEvent {
    /// Gives an event to a subscription's handler, for those who write a broker.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - attempt: How often it has been delivered to the subscription, this time included.
    ///   - handler: The subscription's handler.
    ///   - settle: Told once what became of the event: what the handler settled it with, or else what it
    ///     returned.
    /// - Returns: What became of the event.
    public static func deliver(
        _ event: BrokerEvent, attempt: Int = 1,
        to handler: EventHandler,
        settle: @escaping @Sendable (Acknowledgement) async throws -> Void = { _ in }
    ) async -> Acknowledgement {
        let verdict = Verdict()
        let returned = await handler(
            ReceivedEvent(event, attempt: attempt) { acknowledgement in
                if verdict.take(acknowledgement) { try await settle(acknowledgement) }
            })
        // What can't be told now is as if it had never been: the broker may deliver the event again.
        if verdict.take(returned) { try? await settle(returned) }
        return verdict.value ?? returned
    }
}

/// The first word of an event's handler.
private final class Verdict: Sendable {
    private let first = Mutex<Acknowledgement?>(nil)

    var value: Acknowledgement? { first.withLock { $0 } }

    /// Returns whether it is the first.
    func take(_ acknowledgement: Acknowledgement) -> Bool {
        first.withLock { first in
            guard first == nil else { return false }
            first = acknowledgement
            return true
        }
    }
}
