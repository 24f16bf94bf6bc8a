import MicroCore
import MicroHTTP2
import MicroNIO
import NIOCore

// What a call is for its handler: messages to read, room to send, and the task that it runs in.
extension ServerStream {
    // A handler that is cancelled while it waits may answer all the same.
    static var endsWithTask: Bool { false }

    func cancelReading() { inbox.cancelReader() }

    func cancelSending() { resumeSender(MicroError(.cancelled, "Sending was cancelled.")) }

    /// Ends the reading of a request of which a message can't be restored.
    func failReading(_ error: MicroError) {
        inbox.abandon(error)
        releaseUnread()
    }

    /// Sends the metadata in front of the messages, once.
    ///
    /// Metadata that doesn't fit ends the call.
    func sendHead(_ metadata: Metadata, _ compression: Compression) {
        guard !isHeadSent, !isFinished else { return }
        if let error = fault(in: metadata) {
            inbox.finish(.failure(error))
            finish(.failure(error))
            task?.cancel()
            return releaseUnread()
        }
        isHeadSent = true
        submitHead(metadata, compression)
    }

    /// The error that the call ended with, if it did.
    var sendingError: MicroError? { isFinished || isClosed ? inboundFailure : nil }

    func prepareToSend() {
        guard !isHeadSent else { return }
        isHeadSent = true
        submitHead([:], .identity)
    }

    func messageRead() { releaseUnread() }

    var isCongested: Bool { isBacklogged && !isFinished && !isClosed }

    var inboundFailure: MicroError {
        if case .failure(let error)? = inbox.poll()?.reading { return error }
        return MicroError(.cancelled, "The call is over.")
    }

    func submitHead(_ metadata: Metadata, _ compression: Compression) {
        if metadata.isEmpty, compression == .identity, !announcesEncodings,
            let head = ContentType.permanentHead(subtype: subtype)
        {
            respond(head)
        } else {
            var block = ContentType.head(subtype: subtype)
            if compression != .identity { block.add("grpc-encoding", compression.rawValue) }
            if announcesEncodings { block.add("grpc-accept-encoding", Encodings.accepted) }
            block.add(metadata)
            respond(block)
        }
    }

    /// The call as the handler sees it.
    func handle(_ head: CallHead) -> ServerStreamHandle {
        ServerStreamHandle(
            self, loop: connection.loop, accepted: head.acceptedCompression, limit: messageLimit)
    }

    /// Starts the handler, in place or on the pool.
    ///
    /// Its task has no parent; it is the only kind in the engine. It belongs to the connection, which
    /// cancels it when the call is over, and counts as closed only when it has returned.
    func start(_ call: HandlerCall, path: String, _ executionPolicy: ExecutionPolicy) {
        guard !isOverdue else { return deadlinePassed() }
        server.handlerStarted()
        let loop = connection.loop
        let bound = NIOLoopBound(self, eventLoop: loop)
        let limit = messageLimit
        let deadline = deadline
        let size = call.messageSize
        guard !executionPolicy.usesPool(messageSize: size) else {
            // Detached, since the task of whatever triggered this read is not the caller's: nothing of it may be
            // inherited. The stream holds the task and cancels it when the call is over.
            task = Task.detached {
                let begin = NIODeadline.now()
                // The pool may have been busy for so long that the call is over.
                guard !Task.isCancelled, deadline.map({ begin < $0 }) ?? true else {
                    return loop.execute { bound.value.handlerSkipped() }
                }
                let outcome = await call.run(limit: limit)
                executionPolicy.note(nanoseconds: (NIODeadline.now() - begin).nanoseconds, messageSize: size)
                loop.execute { bound.value.handlerReturned(outcome) }
            }
            return
        }
        let task = Task.immediateDetached(executorPreference: connection.executor) {
            let outcome = await call.run(limit: limit)
            loop.run { bound.value.handlerReturned(outcome) }
        }
        let end = NIODeadline.now()
        let held = (end - connection.now).nanoseconds
        connection.now = end
        if executionPolicy.note(nanoseconds: held, messageSize: size) {
            server.reportHold(path: path, nanoseconds: held)
        }
        guard !hasHandlerReturned else { return }
        self.task = task
        if isClosed || isFinished { task.cancel() }
    }

    /// Ends a call whose handler was not started, since the call was over before.
    func handlerSkipped() {
        if !isFinished { deadlinePassed() }
        handlerReturned(.failure(Self.deadlineError))
    }

    func handlerReturned(_ outcome: HandlerOutcome) {
        hasHandlerReturned = true
        // A handler that suspended comes back at another time.
        if task != nil { connection.now = .now() }
        task = nil
        releaseUnread()
        finish(outcome)
        server.handlerEnded()
    }
}
