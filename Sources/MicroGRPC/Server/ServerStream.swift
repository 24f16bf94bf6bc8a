import CNghttp2
import MicroCore
import MicroNIO
import NIOCore

/// A call that a client made to us.
final class ServerStream: HTTP2Stream {
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
    var accepted: (head: CallHead, acceptance: Acceptance)?

    var inbox: Inbox

    /// What the call has on its connection's account of bytes that were not read.
    private var unreadBytes = 0
    var task: Task<Void, Never>?
    var hasHandlerReturned = false
    var isHeadSent = false

    /// The one message, while the end of the request has yet to come.
    var request: Message?
    private var isEndAwaited = false

    /// Whether fields of HTTP/1.1 are dropped from the request, since it is a gRPC call.
    var isExcused = false

    /// How many bytes of the body have yet to come by the `content-length` of a request that must keep to it.
    var awaitedBytes: Int64?

    /// The answer of a request that is no call, while its end has yet to come.
    var textAnswer: TextAnswer?

    /// Whether the answer tells which compressions we understand.
    var announcesEncodings = false
    private var hasRequestEnded = false

    /// The form of an error that the client understands.
    var errorForm = StatusFields.ErrorForm.plain

    /// Whether the whole answer is on the wire.
    private var isAnswered = false

    /// Whether the call was one that a client should not make.
    private var isWasteful = false

    /// When the call began.
    private let begin: NIODeadline

    init(connection: ServerConnection) {
        server = connection
        begin = connection.now
        inbox = Inbox(limit: connection.limits.maximumMessageSize)
        super.init(connection: connection)
    }

    var isFinished: Bool { phase == .finished }

    // MARK: The head

    /// Ends the call since its head or its trailers are too long.
    func headersTooLong() {
        isWasteful = true
        let error = MicroError(
            .resourceExhausted,
            "The call's header fields take more than \(server.limits.maximumHeaderListSize) bytes.")
        guard phase == .head else { return fail(error) }
        server.head.isTooLong = true
        server.head.fault = error
    }

    override func headersEnded(endsStream: Bool) {
        guard phase == .head else { return trailersEnded(endsStream: endsStream) }
        let violation = server.headEnded()
        let head = server.head
        defer { head.reset() }
        isExcused = head.isCall && !server.limits.isStrictOnFields
        if let violation { return end(malformed: violation, path: head.path) }
        if let subtype = head.subtype { self.subtype = subtype }
        announcesEncodings = head.announcesEncodings
        if head.isFromGoMicro { errorForm = .goMicro }
        // What stands behind the limit was not read, so the fault comes first.
        if let fault = head.fault { return finish(.failure(fault)) }
        if !isExcused { awaitedBytes = head.rules.contentLength }
        guard head.isCall else { return refuse(TextAnswer(to: head), endsStream: endsStream) }
        if let timeout = head.timeout {
            let deadline = server.now + .nanoseconds(timeout)
            self.deadline = deadline
            server.watchDeadline(deadline)
            // A client whose time is over before the call is here.
            if isOverdue { return expire() }
        }
        inbox.compression = head.compression
        accept(
            CallHead(
                path: head.path, contentSubtype: subtype, metadata: server.scratch.takeMetadata(),
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
            waitForPeer()
            accepted = (head, acceptance)
        case .stream(let run, let placement):
            server.rememberPath(head.path)
            phase = .streaming
            start(.stream(run, head, handle(head)), path: head.path, placement)
        }
    }

    // MARK: The request's messages

    override func bodyReceived(_ bytes: UnsafeRawBufferPointer, inLastFrame: Bool) {
        if let awaitedBytes {
            self.awaitedBytes = awaitedBytes - Int64(bytes.count)
            if awaitedBytes < bytes.count { end(malformed: "a body that is longer than its content-length") }
        }
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
            inbox.keep(rest)
            if !inbox.isInsideMessage { patience = nil } else if patience == nil { waitForPeer() }
        }
        openWindow(by: inbox.cameIn(bytes.count))
        countUnread()
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
        let count = isHeld ? max(0, held - server.limits.streamWindow) : 0
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

    private func deliver(_ message: Message) {
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
            let bound = NIOLoopBound(self, eventLoop: server.loop)
            server.loop.execute { bound.value.startWithoutEnd() }
        } else {
            let due = server.now + Self.endGrace
            patience = due
            server.watchDeadline(due)
        }
    }

    /// For how long a request that has its message may take to end.
    private static let endGrace: TimeAmount = .milliseconds(250)

    private func startWithoutEnd() {
        guard phase == .waiting, request != nil, !isClosed else { return }
        server.now = .now()
        startWithRequest()
    }

    private func startWithRequest() {
        guard let message = request, let (head, acceptance) = accepted else { return }
        request = nil
        accepted = nil
        releaseUnread()
        patience = nil
        phase = .answering
        switch acceptance {
        case .unary(let run, let placement):
            start(.unary(run, head, message), path: head.path, placement)
        case .serverStream(let run, let placement):
            start(.serverStream(run, head, message, handle(head)), path: head.path, placement)
        case .stream, .refuse: return
        }
    }

    override func bodyEnded() {
        guard !hasRequestEnded else { return }
        hasRequestEnded = true
        patience = isFinished ? patience : nil
        if let awaitedBytes, awaitedBytes != 0 {
            return end(malformed: "a body that is shorter than its content-length")
        }
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

    func openWindow(by count: Int) {
        guard count > 0, !isClosed else { return }
        server.session.consumeStream(id, count)
        if server.session.wantsToSend { server.setNeedsFlush() }
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
        waitForPeer()
        switch outcome {
        case .reply(let reply):
            if !isHeadSent { submitHead(reply.metadata, reply.compression) }
            append(reply.message, isCompressed: reply.compression != .identity)
            outbound.end = trailers(reply.trailingMetadata)
            outboundChanged()
        case .streamed(let metadata):
            if !isHeadSent { submitHead([:], .identity) }
            outbound.end = trailers(metadata)
            outboundChanged()
        case .failure(let error):
            sendFailure(error)
        }
        isHeadSent = true
    }

    /// Returns why what a handler ends its call with can't be sent, if it can't.
    private func fault(in outcome: HandlerOutcome) -> MicroError? {
        switch outcome {
        case .reply(let reply):
            let limit = server.limits.maximumMessageSize
            guard reply.message.count <= limit else {
                return OutboundBody.tooLong(reply.message.count, limit)
            }
            return fault(in: reply.metadata) ?? fault(in: reply.trailingMetadata)
        case .streamed(let metadata): return fault(in: metadata)
        case .failure: return nil
        }
    }

    func fault(in metadata: Metadata) -> MicroError? {
        guard !metadata.isEmpty else { return nil }
        if let error = MetadataRules.violation(in: metadata, status: .internal) { return error }
        let (size, limit) = (FieldBlock.listSize(of: metadata), server.session.headerListLimit)
        return size + Self.headSize > limit ? ErrorFitting.metadataTooLong(size, limit: limit) : nil
    }

    /// What the fields of an answer take besides its metadata, at most.
    private static let headSize = 512

    private func trailers(_ metadata: Metadata) -> OutboundBody.End {
        guard !metadata.isEmpty else { return .success }
        var block = FieldBlock()
        block.add("grpc-status", "0")
        block.add(metadata)
        return .trailers(block)
    }

    private func sendFailure(_ error: MicroError) {
        if isHeadSent {
            var block = FieldBlock()
            StatusFields.add(
                error, as: errorForm, to: &block, limit: server.session.headerListLimit)
            outbound.end = .trailers(block)
            outboundChanged()
        } else {
            // Trailers-Only: one header block is the whole answer.
            var block = ContentType.head(subtype: subtype)
            if announcesEncodings { block.add("grpc-accept-encoding", Encodings.accepted) }
            StatusFields.add(
                error, as: errorForm, to: &block, limit: server.session.headerListLimit)
            server.session.submitResponse(block, for: self, hasBody: false)
            server.setNeedsFlush()
        }
    }

    override func headersNotSent(_ reason: String) {
        server.session.reset(id, NGHTTP2_INTERNAL_ERROR)
        server.reportLostAnswer(reason)
    }

    override func headersSent(endsStream: Bool) {
        if endsStream { answered() }
    }

    func answered() {
        isAnswered = true
        // A client that has not ended its request is told that nobody reads the rest (RFC 9113,
        // section 8.1).
        if !hasRequestEnded { server.session.reset(id, NGHTTP2_NO_ERROR) }
    }

    override func expire() {
        let error = Self.deadlineError
        inbox.finish(.failure(error))
        releaseUnread()
        if outbound.count > 0, isFinished || !server.session.hasRoom(on: id) {
            // The client doesn't take what was sent, so it wouldn't take the outcome behind it either. What was only
            // not written yet is: gRPC's C core takes a reset that comes a moment before its own deadline for a
            // cancellation.
            phase = .finished
            deadline = nil
            dropOutbound()
            server.session.reset(id, NGHTTP2_CANCEL)
            server.setNeedsFlush()
        } else {
            finish(.failure(error))
        }
        resumeSender(error)
        task?.cancel()
    }

    static var deadlineError: MicroError {
        MicroError(.deadlineExceeded, "The deadline passed before the call was done.")
    }

    override func patienceEnded() {
        patience = nil
        if textAnswer != nil {
            // The request did not end, and its end would have changed nothing but for one that is malformed.
            sendText()
        } else if phase == .waiting, request != nil {
            startWithRequest()
        } else if isFinished {
            // It is the client that doesn't take its answer.
            dropOutbound()
            server.session.reset(id, NGHTTP2_ENHANCE_YOUR_CALM)
            server.setNeedsFlush()
        } else {
            fail(
                MicroError(
                    .deadlineExceeded,
                    "The request's message was not complete after \(server.limits.stallTimeout)."))
        }
    }

    override func closed(_ reason: CloseReason) {
        if isAnswered, !isWasteful {
            server.guardian.callCompleted()
        } else if server.now - begin < server.resetGrace {
            server.guardian.callWasted()
        }
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
