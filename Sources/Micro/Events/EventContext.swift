public import MicroCore

/// What a subscriber's function knows of the event that it handles.
public final class EventContext: Sendable {
    /// The subscriber.
    public let info: SubscriberInfo

    /// How the event is encoded, such as `proto` or `json`.
    public let contentSubtype: String

    private let received: ReceivedEvent

    init(_ received: ReceivedEvent, contentSubtype: String, info: SubscriberInfo) {
        self.received = received
        self.contentSubtype = contentSubtype
        self.info = info
    }

    /// The topic.
    public var topic: String { received.event.topic }

    /// How often the event has been delivered, this time included: 1 for the first.
    public var attempt: Int { received.attempt }

    /// The event's id, if its publisher gave it one.
    public var messageID: String? {
        received.event.header.first { $0.key.caseInsensitiveEquals("micro-id") }?.value
    }

    /// What the publisher sent along: the event's header without `Content-Type`.
    public var metadata: Metadata {
        var metadata = Metadata()
        for (name, value) in received.event.header.sorted(by: { $0.key < $1.key })
        where !name.caseInsensitiveEquals("content-type") {
            metadata.add(value, for: name)
        }
        return metadata
    }

    /// The service that handles the event.
    public var service: ServiceIdentity { info.service }

    /// Returns the service's part of a role, such as a store; makes and starts it if nobody has used it so far.
    ///
    /// - Parameter role: The role of which one part is chosen.
    /// - Returns: The part.
    /// - Throws: A ``MicroError`` with the status `failedPrecondition` that says why there is none.
    public func part<Interface: Sendable>(_ role: PluginRole<Interface>) throws(MicroError) -> Interface {
        try info.environment.parts.partForCalls(role)
    }

    /// A client for calls to other services.
    public var client: MicroClient { info.environment.client }

    /// Tells the broker that the event is dealt with, before the function returns.
    ///
    /// What the function does afterwards changes nothing: if it throws, the event isn't delivered again. With
    /// a delivery of at most once it has no effect.
    ///
    /// - Throws: A ``MicroError`` with the status `unavailable` if the broker can't be told; the event may
    ///   then be delivered again.
    public func acknowledge() async throws { try await received.settle(.ack) }

    /// Tells the broker that the event could not be dealt with, before the function returns.
    ///
    /// - Parameter delay: When to deliver it again, for a broker that can wait.
    /// - Throws: A ``MicroError`` with the status `unavailable` if the broker can't be told.
    public func reject(retryAfter delay: Duration? = nil) async throws {
        try await received.settle(.nack(after: delay))
    }
}

extension EventContext: EventPublisher {}
