import MicroCore
import MicroHTTP2
import MicroNIO
import NIOCore

/// A call that a client made to us.
final class ServerStream: MessageStream, CallStream {
    /// How far the call is.
    enum Phase {
        /// The head is being read.
        case head
        /// The handler gets its one message when that is complete.
        case waiting
        /// The handler runs, and has got its one message.
        case answering
        /// The handler runs, and reads messages.
        case streaming
        /// The outcome is decided.
        case finished
    }

    let server: ServerConnection
    var phase = Phase.head

    /// The encoding of the messages.
    var subtype = "proto"

    /// The accepted call, while it waits for its one message.
    var accepted: (head: CallHead, acceptance: CallDecision)?

    /// What the call has on its connection's account of bytes that were not read.
    private var unreadBytes = 0
    var task: Task<Void, Never>?
    var hasHandlerReturned = false
    var isHeadSent = false

    /// The one message, while the end of the request has yet to come.
    var request: EncodedMessage?
    private var isEndAwaited = false

    /// The answer of a request that is no call, while its end has yet to come.
    var textAnswer: TextAnswer?

    /// Whether the answer tells which compressions we understand.
    var announcesEncodings = false

    /// The form of an error that the client understands.
    var errorForm = StatusFields.ErrorForm.plain

    init(connection: HTTP2Connection, server: ServerConnection, isExcused: Bool) {
        self.server = server
        super.init(connection: connection, isExcused: isExcused, messageLimit: server.messageLimit)
    }

    var isFinished: Bool { phase == .finished }

    // MARK: The head

    override func trailersTooLong() { fail(server.headersTooLong) }

    override func requestReceived(endsStream: Bool) {
        let head = server.head
        defer { head.reset() }
        if let subtype = head.subtype { self.subtype = subtype }
        announcesEncodings = head.announcesEncodings
        if head.isFromGoMicro { errorForm = .goMicro }
        // What stands behind the limit was not read, so the fault comes first.
        if let fault = head.fault {
            ignoreContentLength()
            return finish(.failure(fault))
        }
        guard head.isCall else { return refuse(TextAnswer(to: head), endsStream: endsStream) }
        if let timeout = head.timeout {
            setDeadline(connection.now + .nanoseconds(timeout))
            // A client whose time is over before the call is here.
            if isOverdue { return deadlinePassed() }
        }
        inbox.compression = head.compression
        accept(
            CallHead(
                path: head.path, contentSubtype: subtype, metadata: connection.scratch.takeMetadata(),
                uptimeDeadline: deadline.map { Uptime(nanoseconds: Int64(clamping: $0.uptimeNanoseconds)) },
                peer: server.peer, compression: head.compression,
                acceptedCompression: head.acceptedCompression))
    }

    private func accept(_ head: CallHead) {
        let acceptance = server.handler.accept(head)
        switch acceptance {
        case .refuse(let error):
            return finish(.failure(error))
        case .unary, .serverStream:
            server.rememberPath(head.path)
            phase = .waiting
            watchStall()
            accepted = (head, acceptance)
        case .stream(let run, let executionPolicy):
            server.rememberPath(head.path)
            phase = .streaming
            start(.stream(run, head, handle(head)), path: head.path, executionPolicy)
        }
    }

    // MARK: The request's messages

    override func bodyReceived(_ bytes: UnsafeRawBufferPointer, inLastFrame: Bool) {
        var rest = bytes
        do throws(MessageAssembler.Fault) {
            while !isFinished, !inbox.hasEnded, !inbox.isFull, let message = try inbox.next(from: &rest) {
                deliver(message)
            }
        } catch {
            fail(error.error)
        }
        if phase == .waiting, request != nil, !inLastFrame { awaitEnd() }
        if phase == .streaming {
            inbox.buffer(rest)
            if !inbox.isInsideMessage { unwatchStall() } else if !isStallWatched { watchStall() }
        }
        let opened = inbox.didReceive(bytes.count)
        countUnread()
        openWindow(by: opened)
        if unreadBytes > 0, server.unreadBytes > server.unreadLimit { refuseUnread() }
    }

    /// Keeps the connection's account of what its calls hold.
    ///
    /// A window's worth is every call's to hold. Longer messages, which are put together from several, count
    /// with the rest until they are read.
    private func countUnread() {
        // When the call is gone, its messages stay only for a handler that may still read them.
        let isHeld = !isClosed || task != nil
        let held = inbox.heldCount + (request?.count ?? 0)
        let count = isHeld ? max(0, held - connection.limits.streamWindow) : 0
        server.unreadBytes += count - unreadBytes
        unreadBytes = count
    }

    /// The same where it can only become less.
    func releaseUnread() { if unreadBytes > 0 { countUnread() } }

    /// Ends a call whose message doesn't fit in beside those of the connection's other calls.
    private func refuseUnread() {
        let error = MicroError(
            .resourceExhausted,
            "The calls of this connection send long messages faster than they are completed and read: "
                + "beyond their windows they hold more than \(server.unreadLimit) bytes.")
        inbox.finish(.failure(error))
        finish(.failure(error))
        resumeSender(error)
        task?.cancel()
        countUnread()
    }

    private func deliver(_ message: EncodedMessage) {
        switch phase {
        case .waiting where request == nil: request = message
        case .waiting, .answering:
            fail(MicroError(.unimplemented, "The request has a second message, and the endpoint takes one."))
        case .streaming: inbox.deliver(message)
        case .head, .finished: return
        }
    }

    /// Lets the handler wait for the end of the request, behind which no second message can come.
    ///
    /// It doesn't wait for long, since some clients end their requests only when they have the answer: those of a
    /// stream of replies until what has come by now is read, those of one reply for a moment.
    private func awaitEnd() {
        guard !isEndAwaited else { return }
        isEndAwaited = true
        if case .serverStream? = accepted?.acceptance {
            let bound = NIOLoopBound(self, eventLoop: connection.loop)
            connection.loop.execute { bound.value.startWithoutEnd() }
        } else {
            watchStall(Self.endGrace)
        }
    }

    /// For how long a request that has its message may take to end.
    private static let endGrace: TimeAmount = .milliseconds(250)

    private func startWithoutEnd() {
        guard phase == .waiting, request != nil, !isClosed else { return }
        connection.now = .now()
        startWithRequest()
    }

    private func startWithRequest() {
        guard let message = request, let (head, acceptance) = accepted else { return }
        request = nil
        accepted = nil
        releaseUnread()
        unwatchStall()
        phase = .answering
        switch acceptance {
        case .unary(let run, let executionPolicy):
            start(.unary(run, head, message), path: head.path, executionPolicy)
        case .serverStream(let run, let executionPolicy):
            start(.serverStream(run, head, message, handle(head)), path: head.path, executionPolicy)
        case .stream, .refuse: return
        }
    }

    override func bodyEnded() {
        if !isFinished { unwatchStall() }
        sendText()
        if inbox.isInsideMessage {
            fail(MicroError(.internal, "The request ended inside a message."))
        } else if phase == .waiting {
            guard request == nil else { return startWithRequest() }
            fail(
                MicroError(.unimplemented, "The request ended without a message, and the endpoint takes one.")
            )
        } else if phase == .streaming {
            inbox.finish(.success(nil))
        }
    }

    /// Ends a request that can't be read any further.
    ///
    /// A handler that reads gets the error and may still answer; any other has lost the call.
    private func fail(_ error: MicroError) {
        inbox.finish(.failure(error))
        releaseUnread()
        if phase == .streaming { return }
        finish(.failure(error))
        task?.cancel()
    }

    // MARK: The outcome

    /// Ends the call; whatever comes later is dropped.
    func finish(_ outcome: HandlerOutcome) {
        guard !isFinished else { return }
        if let error = fault(in: outcome) { return finish(.failure(error)) }
        phase = .finished
        request = nil
        // The deadline stays: a client that doesn't take the answer by then is not waited for.
        guard !isClosed else { return }
        watchStall()
        switch outcome {
        case .reply(let reply):
            if !isHeadSent { submitHead(reply.metadata, reply.compression) }
            append(reply.message, isCompressed: reply.compression != .identity)
            end(trailers(reply.trailingMetadata))
            bodyChanged()
        case .streamed(let metadata):
            if !isHeadSent { submitHead([:], .identity) }
            end(trailers(metadata))
            bodyChanged()
        case .failure(let error):
            sendFailure(error)
        }
        isHeadSent = true
    }

    /// Returns why what a handler ends its call with can't be sent, if it can't.
    private func fault(in outcome: HandlerOutcome) -> MicroError? {
        switch outcome {
        case .reply(let reply):
            guard reply.message.count <= messageLimit else {
                return SendingFault.tooLong(reply.message.count, messageLimit)
            }
            return fault(in: reply.metadata) ?? fault(in: reply.trailingMetadata)
        case .streamed(let metadata): return fault(in: metadata)
        case .failure: return nil
        }
    }

    func fault(in metadata: Metadata) -> MicroError? {
        guard !metadata.isEmpty else { return nil }
        if let error = MetadataRules.violation(in: metadata, status: .internal) { return error }
        let (size, limit) = (FieldBlock.listSize(of: metadata), connection.headerListLimit)
        return size + Self.headSize > limit ? ErrorFitting.metadataTooLong(size, limit: limit) : nil
    }

    /// What the fields of an answer take besides its metadata, at most.
    private static let headSize = 512

    private func trailers(_ metadata: Metadata) -> OutboundBody.End {
        guard !metadata.isEmpty else { return .permanentTrailers(StatusFields.success) }
        var block = FieldBlock()
        block.add("grpc-status", "0")
        block.add(metadata)
        return .trailers(block)
    }

    private func sendFailure(_ error: MicroError) {
        if isHeadSent {
            var block = FieldBlock()
            StatusFields.add(error, as: errorForm, to: &block, limit: connection.headerListLimit)
            end(.trailers(block))
            bodyChanged()
        } else {
            // Trailers-Only: one header block is the whole answer.
            var block = ContentType.head(subtype: subtype)
            if announcesEncodings { block.add("grpc-accept-encoding", Encodings.accepted) }
            StatusFields.add(error, as: errorForm, to: &block, limit: connection.headerListLimit)
            respond(block, hasBody: false)
        }
    }

    override func malformed(_ violation: RequestViolation) { end(malformed: violation) }

    override func headersNotSent(_ reason: String) { server.reportLostAnswer(reason) }

    override func deadlinePassed() {
        let error = Self.deadlineError
        inbox.finish(.failure(error))
        releaseUnread()
        if waitingCount > 0, isFinished || !hasWindow {
            // The client doesn't take what was sent, so it wouldn't take the outcome behind it either. What was only
            // not written yet is: gRPC's C core takes a reset that comes a moment before its own deadline for a
            // cancellation.
            phase = .finished
            setDeadline(nil)
            dropOutbound()
            reset(.cancel)
        } else {
            finish(.failure(error))
        }
        resumeSender(error)
        task?.cancel()
    }

    static var deadlineError: MicroError {
        MicroError(.deadlineExceeded, "The deadline passed before the call was done.")
    }

    override func stalled() {
        unwatchStall()
        if textAnswer != nil {
            // The request did not end, and its end would have changed nothing but for one that is malformed.
            sendText()
        } else if phase == .waiting, request != nil {
            startWithRequest()
        } else if isFinished {
            // It is the client that doesn't take its answer.
            dropOutbound()
            reset(.enhanceYourCalm)
        } else {
            fail(
                MicroError(
                    .deadlineExceeded,
                    "The request's message was not complete after \(connection.limits.stallTimeout)."))
        }
    }

    override func closed(_ reason: CloseReason) {
        defer { releaseUnread() }
        guard !(isFinished && hasHandlerReturned) else { return }
        let error = reason.mayFollowDeadline && isOverdue ? Self.deadlineError : reason.error
        inbox.finish(.failure(error))
        finish(.failure(error))
        dropOutbound()
        resumeSender(error)
        task?.cancel()
    }
}
