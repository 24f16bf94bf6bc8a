public import Logging
public import MicroCore
internal import Synchronization

/// What a handler knows of the call that it answers.
///
/// ```swift
/// Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
///     let language = context.metadata["accept-language"] ?? "en"
///     context.responseMetadata["content-language"] = language
///     return HelloReply(message: greeting(request.name, in: language))
/// }
/// ```
public final class RequestContext: Sendable {
    /// The endpoint.
    public let info: EndpointInfo

    /// The service's parts; the endpoint doesn't know them, since they know the endpoint.
    private let environment: ServiceEnvironment

    /// Everything that the call said before its first message.
    ///
    /// It is not public, since middleware should not decide by the path that a caller chose.
    private let head: CallHead

    /// How the one request was compressed on its way; the requests of a stream tell it one by one.
    package let requestCompression: Compression

    /// What middleware and the handler have added to the call, once they have.
    private let additions = AtomicLazyReference<ContextAdditions>()

    /// Whether a handler has set metadata, or the answer is compressed: the hot path reads no more than this flag.
    private let hasAnswerMetadata: Atomic<Bool>
    private let answer = Mutex(AnswerMetadata())

    private struct AnswerMetadata {
        var leading: Metadata = [:]
        var trailing: Metadata = [:]
        var compression: Compression?
        var isLeadingTaken = false
    }

    init(
        _ head: CallHead, _ info: EndpointInfo, _ environment: ServiceEnvironment,
        request: EncodedMessage? = nil
    ) {
        self.head = head
        self.info = info
        self.environment = environment
        requestCompression = request?.receivedCompression ?? .identity
        hasAnswerMetadata = Atomic(info.compression != .identity)
        info.countCall()
    }

    /// The canonical name of the endpoint, `Type.Method`.
    public var endpoint: String { info.name }

    /// The service that answers.
    public var service: ServiceIdentity { info.service }

    /// What the service knows of itself: for endpoints that tell others.
    public var overview: ServiceOverview { environment.overview }

    /// How the messages are encoded, such as `proto` or `json`.
    public var contentSubtype: String { head.contentSubtype.isEmpty ? "proto" : head.contentSubtype }

    /// The metadata that the caller sent along; middleware may change it for what is inside of it.
    public var metadata: Metadata {
        get { additions.load()?.metadata ?? head.metadata }
        set { added.metadata = newValue }
    }

    /// A value that middleware or the handler has added to the call.
    ///
    /// - Parameter key: The value's key.
    public subscript<Key: ContextKey>(key: Key.Type) -> Key.Value? {
        get { additions.load()?[key] }
        set { added[key] = newValue }
    }

    private var added: ContextAdditions {
        additions.load() ?? additions.storeIfNil(ContextAdditions())
    }

    /// The moment after which the caller does not wait any more.
    ///
    /// When it passes, the handler's task is cancelled.
    public var deadline: ContinuousClock.Instant? { head.deadline }

    /// The other side of the connection, as far as the transport knows it.
    public var peer: Peer? { head.peer }

    /// Who makes the call, as far as that was verified: by the peer's certificate, or by middleware that sets it.
    public var principal: Principal? {
        get {
            if let principal = additions.load()?.principal { return principal }
            guard let identities = head.peer?.identities, let name = identities.first else { return nil }
            return Principal(name, verifiedBy: .certificate, identities: identities)
        }
        set { added.principal = .some(newValue) }
    }

    /// What tells the call from others in logs: the caller's `x-request-id`, or else a random number.
    public var callID: String { added.callID(head.metadata) }

    /// The id of the trace to which the call belongs, from `traceparent` or go-micro's `Micro-Trace-Id`.
    public var traceID: String? { metadata.traceID }

    /// The service's logger, with the endpoint, the call's id and its trace in each line.
    ///
    /// It is made when it is first used.
    public var logger: Logger {
        added.logger {
            environment.logger.tagged(LogKeys.endpoint, info.name, callID: callID, metadata)
        }
    }

    /// How much it matters that the call is answered, as its caller says.
    public var criticality: Criticality { Criticality(head.metadata) }

    /// A client for calls to other services, whose deadline is at most that of this call, and which matter as much.
    ///
    /// They end when this call is cancelled, as everything that its task waits for. Other metadata of this call is not
    /// sent along; pass on what should travel.
    public var client: MicroClient {
        environment.client.bounded(
            by: head.deadline, criticality: criticality, trace: metadata.traceFields)
    }

    /// Returns the service's part of a role, such as a store; makes and starts it if nobody has used it so far.
    ///
    /// A service that can't do without it says so with ``MicroService/using(_:)``, and doesn't start then if there
    /// is none.
    ///
    /// - Parameter role: The role of which one part is chosen.
    /// - Returns: The part.
    /// - Throws: A ``MicroError`` with the status `failedPrecondition` that says why there is none.
    public func part<Interface: Sendable>(_ role: PluginRole<Interface>) throws(MicroError) -> Interface {
        try environment.parts.partForCalls(role)
    }

    /// The metadata that goes in front of the answer's first message.
    ///
    /// Once that has been sent, setting it does nothing.
    public var responseMetadata: Metadata {
        get { answerMetadata.leading }
        set {
            answer.withLock { $0.leading = newValue }
            hasAnswerMetadata.store(true, ordering: .releasing)
        }
    }

    /// The metadata that goes behind the answer's last message, also when the call fails.
    public var trailingMetadata: Metadata {
        get { answerMetadata.trailing }
        set {
            answer.withLock { $0.trailing = newValue }
            hasAnswerMetadata.store(true, ordering: .releasing)
        }
    }

    /// How the answer's messages are compressed, if the caller understands it; as the endpoint says unless set.
    ///
    /// Once the answer's first message has been sent, setting it does nothing.
    public var responseCompression: Compression {
        get { answerMetadata.compression ?? info.compression }
        set {
            answer.withLock { $0.compression = newValue }
            hasAnswerMetadata.store(true, ordering: .releasing)
        }
    }

    private var answerMetadata: AnswerMetadata {
        guard hasAnswerMetadata.load(ordering: .acquiring) else { return AnswerMetadata() }
        return answer.withLock { $0 }
    }

    /// A unary reply with the metadata that the handler has set.
    func reply(_ message: EncodedMessage) -> UnaryReply {
        guard hasAnswerMetadata.load(ordering: .acquiring) else { return UnaryReply(message) }
        let answer = answer.withLock { $0 }
        return UnaryReply(
            message, metadata: answer.leading, trailingMetadata: answer.trailing,
            compression: answer.compression ?? info.compression)
    }

    /// Sends what is yet to be sent in front of the first message, once.
    func sendResponseMetadata(_ stream: any ServerCallStream) async throws(MicroError) {
        guard hasAnswerMetadata.load(ordering: .acquiring) else { return }
        let answer = answer.withLock { answer in
            defer {
                answer.leading = [:]
                answer.isLeadingTaken = true
            }
            return answer
        }
        let compression = answer.compression ?? info.compression
        guard !answer.leading.isEmpty || (compression != .identity && !answer.isLeadingTaken) else { return }
        try await stream.sendMetadata(answer.leading, compression: compression)
    }

    /// Turns whatever was thrown into what travels to the caller.
    ///
    /// It is called once for each call that fails.
    func outcome(of error: any Error) -> MicroError {
        info.countError()
        var outcome = environment.outcome(of: error, endpoint: info.name, logger: logger)
        // go-micro's clients take an error that nobody reports for one of their own, and try again.
        if outcome.id.isEmpty { outcome.id = info.service.name }
        // The handler has begun, whatever the server that it asked says of itself.
        if outcome.isRefusal { outcome.isRefusal = false }
        let trailing = trailingMetadata
        if !trailing.isEmpty { outcome.trailingMetadata.add(contentsOf: trailing) }
        return outcome
    }
}

extension RequestContext: EventPublisher {
    /// Publishes an event of any type that a linked codec can encode.
    public func publish<Event: Sendable>(
        topic: String, value: Event, options: PublishOptions
    ) async throws(MicroError) {
        if let publisher = environment.publisher {
            return try await publisher.publish(topic: topic, value: value, options: options)
        }
        try await client.publish(topic: topic, value: value, options: options)
    }
}

extension RequestContext {
    /// Creates the context of a call that nobody makes: for tests of handlers and middleware.
    ///
    /// ```swift
    /// let context = RequestContext(endpoint: "Greeter.Hello", metadata: ["tenant": "acme"])
    /// let reply = try await Greeter().hello(Greeter_HelloRequest(), context: context)
    /// ```
    ///
    /// - Parameters:
    ///   - endpoint: The canonical name of the endpoint.
    ///   - metadata: What the caller has sent along.
    ///   - contentSubtype: How the messages are encoded.
    ///   - deadline: The moment after which the caller does not wait any more.
    ///   - peer: The other side of the connection.
    ///   - service: The service that answers.
    ///   - client: What calls other services; without one such calls fail.
    ///   - publisher: What gets the events that are published; the client if `nil`.
    ///   - parts: The service's parts.
    ///   - logger: What the call logs to.
    public convenience init(
        endpoint: String, metadata: Metadata = [:], contentSubtype: String = "proto",
        deadline: ContinuousClock.Instant? = nil, peer: Peer? = nil,
        service: ServiceIdentity = ServiceIdentity(name: "test", version: "latest", nodeID: "test-1"),
        client: MicroClient? = nil, publisher: (any EventPublisher)? = nil, parts: [GivenPart] = [],
        logger: Logger = .current
    ) {
        self.init(
            CallHead(
                path: "/\(endpoint)", contentSubtype: contentSubtype, metadata: metadata, deadline: deadline,
                peer: peer),
            EndpointInfo(
                name: endpoint, fullName: endpoint, isInternal: false, shape: .unary, service: service,
                compression: .identity),
            ServiceEnvironment(
                test: service, client: client, publisher: publisher, parts: parts, logger: logger))
    }
}
