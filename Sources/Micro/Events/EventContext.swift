public import Logging
public import MicroCore
internal import Synchronization

/// What a subscriber's function knows of the event that it handles.
public final class EventContext: Sendable {
    /// The subscriber.
    public let info: SubscriberInfo

    /// How the event is encoded, such as `proto` or `json`.
    public let contentSubtype: String

    private let received: ReceivedEvent

    /// What middleware and the function have added to the event, once they have.
    private let additions = AtomicLazyReference<ContextAdditions>()

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
    ///
    /// Middleware may change it for what is inside of it.
    public var metadata: Metadata {
        get { additions.load()?.metadata ?? receivedMetadata }
        set { added.metadata = newValue }
    }

    private var receivedMetadata: Metadata {
        var metadata = Metadata()
        for (name, value) in received.event.header.sorted(by: { $0.key < $1.key })
        where !name.caseInsensitiveEquals("content-type") {
            metadata.add(value, for: name)
        }
        return metadata
    }

    /// A value that middleware or the function has added to the event.
    ///
    /// - Parameter key: The value's key.
    public subscript<Key: ContextKey>(key: Key.Type) -> Key.Value? {
        get { additions.load()?[key] }
        set { added[key] = newValue }
    }

    private var added: ContextAdditions {
        additions.load() ?? additions.storeIfNil(ContextAdditions())
    }

    /// Who has published the event, once middleware has verified that and set it.
    public var principal: Principal? {
        get { additions.load()?.principal ?? nil }
        set { added.principal = .some(newValue) }
    }

    /// What tells the event from others in logs: its id, the publisher's `x-request-id`, or else a random number.
    public var callID: String { messageID?.printable(limit: 128) ?? added.callID(receivedMetadata) }

    /// The id of the trace to which the event belongs, from `traceparent` or go-micro's `Micro-Trace-Id`.
    public var traceID: String? { metadata.traceID }

    /// The service's logger, with the topic, the event's id and its trace in each line.
    ///
    /// It is made when it is first used.
    public var logger: Logger {
        added.logger {
            info.environment.logger.tagged(LogKeys.topic, topic, callID: callID, metadata)
        }
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
    ///
    /// They and what is published belong to the event's trace.
    public var client: MicroClient {
        info.environment.client.bounded(by: nil, criticality: .default, trace: metadata.traceFields)
    }

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

extension EventContext: EventPublisher {
    /// Publishes an event of any type that a linked codec can encode.
    public func publish<Event: Sendable>(
        topic: String, value: Event, options: PublishOptions
    ) async throws(MicroError) {
        if let publisher = info.environment.publisher {
            return try await publisher.publish(topic: topic, value: value, options: options)
        }
        try await client.publish(topic: topic, value: value, options: options)
    }
}

extension EventContext {
    /// Creates the context of an event that nobody has published: for tests of subscribers and middleware.
    ///
    /// - Parameters:
    ///   - topic: The topic.
    ///   - metadata: What the publisher has sent along.
    ///   - attempt: How often the event has been delivered, this time included.
    ///   - messageID: The event's id.
    ///   - contentSubtype: How the event is encoded.
    ///   - service: The service that handles the event.
    ///   - client: What calls other services; without one such calls fail.
    ///   - publisher: What gets the events that are published; the client if `nil`.
    ///   - parts: The service's parts.
    ///   - logger: What the function logs to.
    ///   - settle: Called when the function acknowledges or rejects the event itself.
    public convenience init(
        topic: String, metadata: Metadata = [:], attempt: Int = 1, messageID: String? = nil,
        contentSubtype: String = "json",
        service: ServiceIdentity = ServiceIdentity(name: "test", version: "latest", nodeID: "test-1"),
        client: MicroClient? = nil, publisher: (any EventPublisher)? = nil, parts: [GivenPart] = [],
        logger: Logger = .current, settle: (@Sendable (Acknowledgement) async throws -> Void)? = nil
    ) {
        var header = EventHeader.fields(of: metadata)
        header["Micro-Id"] = messageID
        self.init(
            ReceivedEvent(
                BrokerEvent(topic: topic, header: header, body: EncodedMessage()), attempt: attempt,
                settlement: settle),
            contentSubtype: contentSubtype,
            info: SubscriberInfo(
                SubscriptionOptions(topic: topic),
                environment: ServiceEnvironment(
                    test: service, client: client, publisher: publisher, parts: parts, logger: logger)))
    }
}
