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
        _ head: CallHead, _ info: EndpointInfo, _ environment: ServiceEnvironment, request: Message? = nil
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

    /// The metadata that the caller sent along.
    public var metadata: Metadata { head.metadata }

    /// The moment after which the caller does not wait any more.
    ///
    /// When it passes, the handler's task is cancelled.
    public var deadline: ContinuousClock.Instant? { head.deadline }

    /// Who calls, as far as the transport knows.
    public var peer: Peer? { head.peer }

    /// A client for calls to other services, whose deadline is at most that of this call.
    ///
    /// The metadata of this call is not sent along; pass on what should travel.
    public var client: MicroClient { environment.client.bounded(by: head.deadline) }

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
    func reply(_ message: Message) -> UnaryReply {
        guard hasAnswerMetadata.load(ordering: .acquiring) else { return UnaryReply(message) }
        let answer = answer.withLock { $0 }
        return UnaryReply(
            message, metadata: answer.leading, trailingMetadata: answer.trailing,
            compression: answer.compression ?? info.compression)
    }

    /// Sends what is yet to be sent in front of the first message, once.
    func sendResponseMetadata(_ stream: any InboundStream) async throws(MicroError) {
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
        var outcome = environment.outcome(of: error, endpoint: info.name)
        // go-micro's clients take an error that nobody reports for one of their own, and try again.
        if outcome.id.isEmpty { outcome.id = info.service.name }
        let trailing = trailingMetadata
        if !trailing.isEmpty { outcome.trailingMetadata.add(contentsOf: trailing) }
        return outcome
    }
}

extension RequestContext: EventPublisher {}
