import NIOCore

// What goes from the session to the channel.
extension HTTP2Connection {
    /// How many bytes are collected before they are handed to the channel.
    private static let flushSize = 256 << 10

    /// Sends our settings, as the first bytes of all, once.
    func greet() {
        guard !hasGreeted, sessionDepth == 0, !hasClosed else { return }
        hasGreeted = true
        scratch.output.clear()
        _ = inSession { fillOutput(from: $0) }
        if isServer { writeStreamLimit(to: &scratch.output) }
        context?.writeAndFlush(wrapOutboundOut(scratch.output), promise: nil)
    }

    /// Changes our settings as they travel, which the session keeps to as they were submitted.
    private func writeStreamLimit(to frame: inout ByteBuffer) {
        // Behind the head of nine bytes comes our first setting: two bytes of its name, four of its value.
        guard frame.getInteger(at: frame.readerIndex + 9, as: UInt16.self) == 3 else { return }
        frame.setInteger(UInt32(clamping: limits.maximumConcurrentStreams), at: frame.readerIndex + 11)
    }

    /// Runs a function of the session, during which the connection can't be torn down.
    func inSession<Value>(_ body: (HTTP2Session) -> Value) -> Value {
        sessionDepth += 1
        defer {
            sessionDepth -= 1
            if sessionDepth == 0, let reason = pendingTearDown { tearDown(reason) }
        }
        return body(session)
    }

    /// Sees to it that what was submitted is sent soon.
    package func setNeedsFlush() {
        guard !isReading, sessionDepth == 0, !isFlushScheduled, !hasClosed else { return }
        isFlushScheduled = true
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.execute {
            bound.value.isFlushScheduled = false
            bound.value.flush()
        }
    }

    /// Sends what was submitted, and closes if that was the last.
    ///
    /// In the middle of a header block it sends nothing: a stream that ends then, such as by the refusal of the
    /// request that the block begins, would leave nghttp2 decoding the rest of the block without reporting it, so
    /// that its size would not be counted. The end of the block comes with a read, and so with the next flush.
    func flush() {
        guard hasGreeted, sessionDepth == 0, !hasClosed, !scanner.isInsideHeaders else { return }
        sendSubmitted()
        guard !hasClosed, session.isDone else { return }
        if let peersFault { return hangUp(peersFault) }
        hangUp("The connection was closed after its last call.", timeout: stallTimeout)
    }

    /// Sends what was submitted, as far as the channel takes it.
    func sendSubmitted() {
        guard sessionDepth == 0, !hasClosed, let context else { return }
        while !hasClosed, context.channel.isWritable {
            scratch.output.clear()
            let failure = inSession { fillOutput(from: $0) }
            guard !hasClosed else { return }
            let count = scratch.output.readableBytes
            if count > 0 { context.writeAndFlush(wrapOutboundOut(scratch.output), promise: nil) }
            if let failure = failure ?? session.failure?.reason {
                return close("The HTTP/2 session failed: \(failure)")
            }
            if count < Self.flushSize { break }
        }
        if scratch.output.capacity > 4 * Self.flushSize { scratch.output = ByteBuffer() }
    }

    private func fillOutput(from session: HTTP2Session) -> String? {
        while scratch.output.readableBytes < Self.flushSize {
            switch session.send() {
            case .failure(let failure): return failure.reason
            case .success(let bytes) where bytes.isEmpty:
                return nil
            case .success(let bytes): scratch.output.writeBytes(bytes)
            }
        }
        return nil
    }
}
