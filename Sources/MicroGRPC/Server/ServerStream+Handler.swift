import CNghttp2
import MicroCore
import MicroNIO
import NIOCore

// What a call is for its handler: messages to read, room to send, and the task that it runs in.
extension ServerStream {
    /// Returns what the handler can read without waiting.
    func poll() -> Inbox.Reading? {
        guard let (reading, opened) = inbox.poll() else { return nil }
        releaseUnread()
        openWindow(by: opened)
        return reading
    }

    /// Lets the handler wait for a message.
    func wait(_ continuation: UnsafeContinuation<Inbox.Reading, Never>) {
        if let reading = poll() { continuation.resume(returning: reading) } else { inbox.wait(continuation) }
    }

    /// Lets a handler that waits for a message go on, since the task that waits was cancelled.
    func cancelReader() { inbox.cancelReader() }

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
        server.setNeedsFlush()
    }

    /// Puts a message behind those that wait to be sent.
    ///
    /// - Returns: The error that the call ended with, if it did.
    func send(_ message: Message, isCompressed: Bool) -> MicroError? {
        guard !isFinished, !isClosed else { return inboundFailure }
        let limit = server.limits.maximumMessageSize
        guard message.count <= limit else { return OutboundBody.tooLong(message.count, limit) }
        if !isHeadSent {
            isHeadSent = true
            submitHead([:], .identity)
        }
        append(message, isCompressed: isCompressed)
        outboundChanged()
        return nil
    }

    /// Lets the handler wait until less waits to be sent.
    func waitForRoom(_ continuation: UnsafeContinuation<MicroError?, Never>) {
        guard isCongested else { return continuation.resume(returning: nil) }
        guard sender == nil else {
            let error = MicroError(.internal, "Two tasks send on one call at the same time.")
            return continuation.resume(returning: error)
        }
        sender = continuation
    }

    /// Whether so much waits that the handler should wait, too.
    var isCongested: Bool { outbound.count > OutboundBody.highWatermark && !isFinished && !isClosed }

    var inboundFailure: MicroError {
        if case .failure(let error)? = inbox.poll()?.reading { return error }
        return MicroError(.cancelled, "The call is over.")
    }

    func submitHead(_ metadata: Metadata, _ compression: Compression) {
        if metadata.isEmpty, compression == .identity, !announcesEncodings,
            let head = ContentType.permanentHead(subtype: subtype)
        {
            server.session.submitResponse(head, for: self)
        } else {
            var block = ContentType.head(subtype: subtype)
            if compression != .identity { block.add("grpc-encoding", compression.rawValue) }
            if announcesEncodings { block.add("grpc-accept-encoding", Encodings.accepted) }
            block.add(metadata)
            server.session.submitResponse(block, for: self, hasBody: true)
        }
    }

    /// The call as the handler sees it.
    func handle(_ head: CallHead) -> ServerStreamHandle {
        ServerStreamHandle(
            self, loop: server.loop, accepted: head.acceptedCompression,
            limit: server.limits.maximumMessageSize)
    }

    /// Starts the handler, in place or on the pool.
    ///
    /// Its task has no parent; it is the only kind in the engine. It belongs to the connection, which
    /// cancels it when the call is over, and counts as closed only when it has returned.
    func start(_ call: HandlerCall, path: String, _ placement: Placement) {
        guard !isOverdue else { return expire() }
        server.handlerStarted()
        let loop = server.loop
        let bound = NIOLoopBound(self, eventLoop: loop)
        let limit = server.limits.maximumMessageSize
        let deadline = deadline
        let size = call.messageSize
        guard !placement.usesPool(messageSize: size) else {
            task = Task.detached {
                let begin = NIODeadline.now()
                // The pool may have been busy for so long that the call is over.
                guard !Task.isCancelled, deadline.map({ begin < $0 }) ?? true else {
                    return loop.execute { bound.value.handlerSkipped() }
                }
                let outcome = await call.run(limit: limit)
                placement.note(nanoseconds: (NIODeadline.now() - begin).nanoseconds, messageSize: size)
                loop.execute { bound.value.handlerReturned(outcome) }
            }
            return
        }
        let task = Task.immediateDetached(executorPreference: server.executor) {
            let outcome = await call.run(limit: limit)
            loop.run { bound.value.handlerReturned(outcome) }
        }
        let end = NIODeadline.now()
        let held = (end - server.now).nanoseconds
        server.now = end
        if placement.note(nanoseconds: held, messageSize: size) {
            server.reportHold(path: path, nanoseconds: held)
        }
        guard !hasHandlerReturned else { return }
        self.task = task
        if isClosed || isFinished { task.cancel() }
    }

    /// Ends a call whose handler was not started, since the call was over before.
    func handlerSkipped() {
        if !isFinished { expire() }
        handlerReturned(.failure(Self.deadlineError))
    }

    func handlerReturned(_ outcome: HandlerOutcome) {
        hasHandlerReturned = true
        // A handler that suspended comes back at another time.
        if task != nil { server.now = .now() }
        task = nil
        releaseUnread()
        finish(outcome)
        server.handlerEnded()
    }
}
