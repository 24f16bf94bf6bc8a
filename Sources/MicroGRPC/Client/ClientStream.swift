import MicroCore
import MicroHTTP2
import NIOCore
import Synchronization

/// A call that we make.
final class ClientStream: MessageStream, CallStream {
    /// What a caller of a unary call waits for.
    typealias UnaryContinuation = UnsafeContinuation<Result<UnaryReply, MicroError>, Never>

    /// What a caller waits for who wants the metadata in front of the messages.
    typealias MetadataContinuation = UnsafeContinuation<Result<Metadata, MicroError>, Never>

    let key: CallKey
    private let client: ClientConnection
    private let unary: UnaryContinuation?

    private var fields = ResponseFields()
    private var head: Metadata?
    private var reply: EncodedMessage?
    private var isOnWire = false

    /// What to call, while the call waits for a stream.
    var waitingHead: CallHead?

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
        super.init(connection: client.http2, isExcused: false, messageLimit: client.messageLimit)
    }

    // MARK: The answer

    override func fieldReceived(
        _ field: FieldName?, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
    ) {
        fields.add(field, name: name, value: value, limit: connection.limits.maximumHeaderListSize)
    }

    override func headersReceived(endsStream: Bool) {
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
        inbox.buffer(rest)
        openWindow(by: inbox.didReceive(bytes.count))
    }

    private func deliver(_ message: EncodedMessage) {
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
        guard case .failure(let error) = outcome, error.status == .cancelled, isOverdue else {
            return outcome
        }
        var late = Self.deadlineError(processed: processed)
        late.trailingMetadata = error.trailingMetadata
        return .failure(late)
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
        connection.now = .now()
        guard !isOverdue else { return deadlinePassed() }
        abort(MicroError(.cancelled, "The call was cancelled.", id: clientErrorID, processed: processed))
    }

    static var endsWithTask: Bool { true }

    func cancelReading() { cancel() }

    func cancelSending() { cancel() }

    /// Ends the call since a message of the answer can't be restored.
    func failReading(_ error: MicroError) {
        abort(error)
        inbox.abandon(error)
    }

    override func deadlinePassed() {
        var error = Self.deadlineError(processed: processed)
        if isQueued {
            error.detail =
                "The deadline passed while the call waited for the server, which allows "
                + "\(connection.streamLimit) at once on a connection."
        }
        abort(error)
    }

    override func turnCame() {
        guard let head = waitingHead else { return }
        waitingHead = nil
        let timeout = deadline.map { ($0 - connection.now).nanoseconds }
        if let error = client.submit(self, head, timeout: timeout) { abort(error) }
    }

    override func failedUnsent(_ reason: String) {
        abort(client.explained(ConnectionFault.unusable(reason)))
    }

    override func headersNotSent(_ reason: String) {
        settle(
            .failure(
                MicroError(
                    .internal, "The call could not be sent: \(reason).", id: clientErrorID, processed: .no)))
    }

    override func headersSent() { isOnWire = true }

    override func closed(_ reason: CloseReason) {
        guard outcome == nil else { return }
        // A server that gives a call up at its deadline, or closes the connection behind it, may be faster than our own
        // timer.
        if reason.mayFollowDeadline, isOverdue { return deadlinePassed() }
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
        setDeadline(nil)
        if isQueued {
            withdraw()
            waitingHead = nil
        } else if isOpen, !isComplete {
            reset(.cancel)
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
    private var isComplete: Bool { hasAnswerEnded && hasEnd && waitingCount == 0 }

    private var processed: MicroError.Processed { isOnWire ? .maybe : .no }

    /// The error of a call whose deadline has passed.
    static func deadlineError(processed: MicroError.Processed) -> MicroError {
        MicroError(
            .deadlineExceeded, "The deadline passed before the answer came.", id: clientErrorID,
            processed: processed)
    }

    // MARK: For the caller

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

    /// Ends the request.
    func finishRequest() -> MicroError? {
        if let error = sendingError { return outcome?.isSuccess == true ? nil : error }
        end(.stream)
        bodyChanged()
        return nil
    }

    var sendingError: MicroError? {
        switch outcome {
        case .failure(let error): error
        case .success: MicroError(.cancelled, "The server has ended the call.")
        case nil where hasEnd: MicroError(.failedPrecondition, "The request was ended before.")
        case nil: nil
        }
    }

    /// The error of a call whose one message is longer than allowed, if it is.
    var tooLongMessage: MicroError? {
        let length = waitingCount - EncodedMessage.headroom
        return length > messageLimit ? SendingFault.tooLong(length, messageLimit) : nil
    }

    // The head of a request precedes all.
    func prepareToSend() {}

    func messageRead() {}

    var isCongested: Bool {
        guard outcome == nil else { return false }
        return isBacklogged || isQueued && isQueueFull
    }

    /// Whether the calls that wait for a stream hold as much as they may, this one's messages among it.
    private var isQueueFull: Bool {
        waitingCount > 0 && connection.counts.waitingBytes > connection.limits.maximumWaitingBytes
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
