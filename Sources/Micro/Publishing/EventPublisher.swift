public import MicroCore

/// Something that publishes events: a service, a client, and what handlers are given.
///
/// ```swift
/// try await context.publish("greetings", Greeting(message: "Hello!"))
/// ```
///
/// The broker is chosen by `MICRO_BROKER` unless one is given in code; it is made when the first event is
/// published. How sure it is that an event arrives, and when publishing returns, is the broker's
/// `Delivery`.
///
/// A test gives a handler another one, which keeps what is published:
///
/// ```swift
/// struct Refusing: EventPublisher {
///     func publish<Event: Sendable>(
///         topic: String, value: Event, options: PublishOptions
///     ) async throws(MicroError) {
///         throw MicroError(.unavailable, "No broker.")
///     }
/// }
///
/// let context = EventContext(topic: "orders", publisher: Refusing())
/// ```
public protocol EventPublisher: Sendable {
    /// Publishes an event of any type that a linked codec can encode.
    ///
    /// - Parameters:
    ///   - topic: The topic.
    ///   - value: The event.
    ///   - options: How it is published.
    /// - Throws: What `publish(_:_:options:)` throws.
    func publish<Event: Sendable>(
        topic: String, value: Event, options: PublishOptions
    ) async throws(MicroError)
}

extension EventPublisher {
    /// Publishes an event.
    ///
    /// - Parameters:
    ///   - topic: The topic.
    ///   - event: The event.
    ///   - options: How it is published.
    /// - Throws: A ``MicroError`` with the status `unavailable` if the broker can't be reached or did not get
    ///   rid of the event, `invalidArgument` if topic or event can't be sent, and `failedPrecondition` if
    ///   there is no broker.
    public func publish<Event: Codable & Sendable>(
        _ topic: String, _ event: Event, options: PublishOptions = PublishOptions()
    ) async throws(MicroError) {
        try await publish(topic: topic, value: event, options: options)
    }
}

extension MicroClient: EventPublisher {
    /// Publishes an event of any type that a linked codec can encode.
    public func publish<Event: Sendable>(
        topic: String, value: Event, options: PublishOptions
    ) async throws(MicroError) {
        let engine = try await core.engine(deadline: bound)
        let (message, subtype) = try engine.encode(value, options.contentSubtype)
        try await engine.publish(
            message, contentType: EventContentType.contentType(of: subtype), to: topic, carrying(options))
    }

    /// Publishes an event that is encoded already.
    ///
    /// - Parameters:
    ///   - topic: The topic.
    ///   - message: The encoded event.
    ///   - contentType: How it is encoded, such as `application/json`.
    ///   - options: How it is published; its content subtype does not count.
    /// - Throws: What `publish(_:_:options:)` throws.
    package func publishRaw(
        _ topic: String, _ message: EncodedMessage, contentType: String,
        options: PublishOptions = PublishOptions()
    ) async throws(MicroError) {
        let engine = try await core.engine(deadline: bound)
        try await engine.publish(message, contentType: contentType, to: topic, carrying(options))
    }

    /// Returns the options with the trace of the call or event that is being answered.
    private func carrying(_ options: PublishOptions) -> PublishOptions {
        var options = options
        options.metadata = options.metadata.carrying(trace)
        return options
    }
}

extension MicroClient {
    /// Returns the value of an event, for tests.
    ///
    /// - Throws: A ``MicroError`` with the status `invalidArgument` if it is none of the type.
    package func decode<Event: Sendable>(
        _ event: BrokerEvent, as type: Event.Type
    ) async throws(MicroError) -> Event {
        let engine = try await core.engine(deadline: bound)
        let field = event.header["Content-Type"] ?? ""
        let subtype = EventContentType.subtype(of: field) ?? EventContentType.missing
        guard let coder = engine.codecs.coder(for: type, subtype: subtype) else {
            throw ClientErrors.invalid(
                "No linked codec can decode \(type) as \"\(subtype)\". \(CodecSet.advice)")
        }
        do {
            return try event.body.withBytes(coder.decode)
        } catch {
            throw ClientErrors.invalid(
                "The event is no \(type): \(CodingFailure.text(error))", cause: error)
        }
    }

    /// Returns how many receivers an event of a topic would have now, or `nil` if the broker can't know.
    ///
    /// - Throws: A ``MicroError`` if nobody can be asked.
    package func receiverCount(of topic: String) async throws -> Int? {
        try await core.engine(deadline: bound).broker().receiverCount(of: topic)
    }

    /// Begins to receive the events of a topic as they come.
    ///
    /// - Parameters:
    ///   - options: What to receive, and how.
    ///   - handler: Called for each event.
    /// - Returns: The open subscription, which ends with the client at the latest.
    /// - Throws: Why it can't be opened.
    package func subscribeRaw(
        _ options: SubscriptionOptions,
        handler: @escaping @Sendable (ReceivedEvent) async -> Acknowledgement
    ) async throws -> any BrokerSubscription {
        try await core.engine(deadline: bound).broker().subscribe(options, handler)
    }
}
