import CNghttp2
import MicroCore
import NIOCore
import Synchronization

/// A call that we make.
final class ClientStream: HTTP2Stream {
    /// What a caller of a unary call waits for.
    typealias UnaryContinuation = UnsafeContinuation<Result<UnaryReply, MicroError>, Never>

    /// What a caller waits for who wants the metadata in front of the messages.
    typealias MetadataContinuation = UnsafeContinuation<Result<Metadata, MicroError>, Never>

    let key: CallKey
    private let client: ClientConnection
    private let unary: UnaryContinuation?

    private var fields = ResponseFields()
    private var head: Metadata?
    private var reply: Message?
    private var inbox: Inbox
    private var isOnWire = false

    /// The call's place among those that wait for a stream.
    var queuePosition: Int?

    private var hasAnswerEnded = false
    private var headWaiters: [MetadataContinuation] = []

    /// Where the trailing metadata of a streaming call is left for its caller.
    private let trailers: TrailingMetadata?

    /// How the call ended, with the trailing metadata if it succeeded.
    private var outcome: Result<Metadata, MicroError>?

    init(
        _ client: ClientConnection, key: CallKey, unary: UnaryContinuation? = nil,
        trailers: TrailingMetadata? = nil
    ) {
        self.client = client
        self.trailers = trailers
        self.key = key
        self.unary = unary
        inbox = Inbox(limit: client.limits.maximumMessageSize)
        super.init(connection: client)
    }

    // MARK: The answer

    override func headerReceived(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        fields.add(name: name, value: value, limit: client.limits.maximumHeaderListSize)
    }

    override func headersEnded(endsStream: Bool) {
        let fields = fields
        self.fields = ResponseFields()
        if endsStream {
            hasAnswerEnded = true
            settle(inTime(checked(fields.outcome(isBehindHead: head != nil))))
        } else if head == nil, !fields.isInformational {
            if let error = fields.headError { return abort(error) }
            inbox.compression = fields.compression
            head = fields.packedMetadata
            resumeHeadWaiters(.success(fields.packedMetadata))
        }
    }

    override func bodyReceived(_ bytes: UnsafeRawBufferPointer, inLastFrame: Bool) {
        var rest = bytes
        do throws(MessageAssembler.Fault) {
            while outcome == nil, !inbox.isFull, let message = try inbox.next(from: &rest) {
                deliver(message)
            }
        } catch {
            abort(error.error)
        }
        inbox.keep(rest)
        openWindow(by: inbox.cameIn(bytes.count))
    }

    private func deliver(_ message: Message) {
        guard unary != nil else { return inbox.deliver(message) }
        guard reply == nil else {
            return abort(
                MicroError(.unimplemented, "The answer has a second message, and the call takes one."))
        }
        reply = message
    }

    override func bodyEnded() {
        hasAnswerEnded = true
        guard outcome == nil else { return }
        abort(MicroError(.internal, "The answer ended without trailers."))
    }

    /// Returns an outcome, or the error if the messages don't go with it.
    private func checked(_ outcome: Result<Metadata, MicroError>) -> Result<Metadata, MicroError> {
        guard case .success = outcome else { return outcome }
        if inbox.isInsideMessage {
            return .failure(MicroError(.internal, "The answer ended inside a message."))
        }
        if unary != nil, reply == nil {
            return .failure(
                MicroError(.unimplemented, "The answer ended without a message, and the call takes one."))
        }
        return outcome
    }

    /// Returns an outcome, or the error of the deadline if the server says that the call was cancelled when that
    /// had passed: servers cancel what runs then, and some report it in their trailers.
    private func inTime(_ outcome: Result<Metadata, MicroError>) -> Result<Metadata, MicroError> {
        guard case .failure(let error) = outcome, error.rpcStatus == .cancelled, isOverdue else {
            return outcome
        }
        var late = Self.deadlineError(processed: processed)
        late.trailingMetadata = error.trailingMetadata
        return .failure(late)
    }

    private func openWindow(by count: Int) {
        guard count > 0, id > 0, !isClosed else { return }
        client.session.consumeStream(id, count)
        if client.session.wantsToSend { client.setNeedsFlush() }
    }

    // MARK: The end

    /// Ends the call on our side: the peer is told to stop.
    private func abort(_ error: MicroError) {
        guard outcome == nil else { return }
        settle(.failure(error))
    }

    /// Ends the call because its caller was cancelled.
    ///
    /// Callers are cancelled by deadlines, too: a handler whose own time is over, for example.
    func cancel() {
        guard outcome == nil else { return }
        client.now = .now()
        guard !isOverdue else { return expire() }
        abort(MicroError(.cancelled, "The call was cancelled.", id: clientErrorID, processed: processed))
    }

    /// Ends the call since a message of the answer can't be restored.
    func failReading(_ error: MicroError) {
        abort(error)
        inbox.abandon(error)
    }

    override func expire() {
        var error = Self.deadlineError(processed: processed)
        if queuePosition != nil {
            error.detail =
                "The deadline passed while the call waited for the server, which allows "
                + "\(client.streamLimit) at once on a connection."
        }
        abort(error)
    }

    /// Ends the call since its request can't be sent on this connection.
    func failUnsent(_ error: MicroError) { abort(error) }

    override func headersNotSent(_ reason: String) {
        settle(
            .failure(
                MicroError(
                    .internal, "The call could not be sent: \(reason).", id: clientErrorID, processed: .no)))
    }

    override func headersSent(endsStream: Bool) {
        isOnWire = true
    }

    override func closed(_ reason: CloseReason) {
        guard outcome == nil else { return }
        // A server that gives a call up at its deadline, or closes the connection behind it, may be faster than our own
        // timer.
        if reason.mayFollowDeadline, isOverdue { return expire() }
        var error = reason.error
        error.id = clientErrorID
        if processed == .no { error.processed = .no }
        settle(.failure(client.explained(error)))
    }

    /// Decides how the call ended, once, and tells those who wait.
    private func settle(_ result: Result<Metadata, MicroError>) {
        guard outcome == nil else { return }
        outcome = result
        client.status.callEnded()
        deadline = nil
        if queuePosition != nil {
            client.withdraw(self)
        } else if id > 0, !isClosed, !isComplete {
            client.session.reset(id, NGHTTP2_CANCEL)
            client.setNeedsFlush()
        }
        dropOutbound()
        switch result {
        case .success(let metadata):
            trailers?.set(metadata)
            inbox.finish(.success(nil))
            if let unary, let reply {
                unary.resume(
                    returning: .success(
                        UnaryReply(
                            reply, metadata: head ?? [:], trailingMetadata: metadata,
                            compression: reply.receivedCompression)))
            }
            resumeHeadWaiters(.success(head ?? [:]))
            resumeSender(MicroError(.cancelled, "The call has ended."))
        case .failure(let error):
            trailers?.set(error.trailingMetadata)
            // An error that the server sent stands behind its messages; any other takes their place.
            inbox.finish(.failure(error), keepsMessages: hasAnswerEnded)
            unary?.resume(returning: .failure(error))
            resumeHeadWaiters(.failure(error))
            resumeSender(error)
        }
    }

    /// Whether both sides have ended the stream, so that nothing needs to be reset.
    private var isComplete: Bool { hasAnswerEnded && outbound.end != nil && outbound.count == 0 }

    private var processed: MicroError.Processed { isOnWire ? .maybe : .no }

    /// The error of a call whose deadline has passed.
    static func deadlineError(processed: MicroError.Processed) -> MicroError {
        MicroError(
            .deadlineExceeded, "The deadline passed before the answer came.", id: clientErrorID,
            processed: processed)
    }

    // MARK: For the caller

    /// Returns what can be read without waiting.
    func poll() -> Inbox.Reading? {
        guard let (reading, opened) = inbox.poll() else { return nil }
        openWindow(by: opened)
        return reading
    }

    /// Lets the caller wait for a message.
    func wait(_ continuation: UnsafeContinuation<Inbox.Reading, Never>) {
        if let reading = poll() { continuation.resume(returning: reading) } else { inbox.wait(continuation) }
    }

    /// Lets the caller wait for the metadata in front of the messages.
    func waitForHead(_ continuation: MetadataContinuation) {
        if let head {
            continuation.resume(returning: .success(head))
        } else if let outcome {
            continuation.resume(returning: outcome.map { _ in [:] })
        } else {
            headWaiters.append(continuation)
        }
    }

    private func resumeHeadWaiters(_ result: Result<Metadata, MicroError>) {
        let waiters = headWaiters
        headWaiters = []
        for waiter in waiters { waiter.resume(returning: result) }
    }

    /// Puts a message behind those that wait to be sent.
    ///
    /// - Returns: The error that the call ended with, if it did.
    func send(_ message: Message, isCompressed: Bool) -> MicroError? {
        if let error = sendingError { return error }
        let limit = client.limits.maximumMessageSize
        guard message.count <= limit else { return OutboundBody.tooLong(message.count, limit) }
        append(message, isCompressed: isCompressed)
        outboundChanged()
        return nil
    }

    /// Ends the request.
    func finishRequest() -> MicroError? {
        if let error = sendingError { return outcome?.isSuccess == true ? nil : error }
        outbound.end = .stream
        outboundChanged()
        return nil
    }

    private var sendingError: MicroError? {
        switch outcome {
        case .failure(let error): error
        case .success: MicroError(.cancelled, "The server has ended the call.")
        case nil where outbound.end != nil: MicroError(.failedPrecondition, "The request was ended before.")
        case nil: nil
        }
    }

    /// Whether so much waits that the caller should wait, too.
    var isCongested: Bool {
        guard outcome == nil else { return false }
        return outbound.count > OutboundBody.highWatermark || queuePosition != nil && isQueueFull
    }

    /// Whether the calls that wait for a stream hold as much as they may, this one's messages among it.
    private var isQueueFull: Bool {
        outbound.count > 0 && client.waitingBytes > client.limits.maximumWaitingBytes
    }

    /// Lets the caller wait until less waits to be sent.
    func waitForRoom(_ continuation: UnsafeContinuation<MicroError?, Never>) {
        guard isCongested else { return continuation.resume(returning: nil) }
        guard sender == nil else {
            let error = MicroError(.internal, "Two tasks send on one call at the same time.")
            return continuation.resume(returning: error)
        }
        sender = continuation
    }
}

extension Result {
    fileprivate var isSuccess: Bool { if case .success = self { true } else { false } }
}

/// The trailing metadata of a call, for readers on any thread.
final class TrailingMetadata: Sendable {
    private let metadata = Mutex<Metadata>([:])

    /// The fields; empty until the call has ended.
    var value: Metadata { metadata.withLock { $0 } }

    func set(_ value: Metadata) { metadata.withLock { $0 = value } }
}
