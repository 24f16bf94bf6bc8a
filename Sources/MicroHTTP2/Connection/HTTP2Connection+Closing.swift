import MicroNIO
import NIOCore

// How the connection ends.
extension HTTP2Connection {
    /// Lets the requests finish that are served, refuses new ones, and closes.
    package func drain() {
        guard !isLeaving, !hasClosed else { return }
        isLeaving = true
        greet()
        // The client learns that the connection goes away while its requests are still accepted; those
        // that it sends after it has answered the ping are refused (RFC 9113, section 6.8).
        session.submitShutdownNotice()
        // nghttp2 puts pings in front of what waits, and this one must come behind the notice.
        flush()
        session.submitPing()
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .seconds(1)) { bound.value.pingAnswered() }
        flush()
    }

    /// Ends the time in which a connection that drains accepts requests.
    func pingAnswered() {
        guard isServer, isLeaving, !hasClosed else { return }
        session.submitGoAway()
        setNeedsFlush()
    }

    /// Opens no more streams, and closes behind those that there are; for clients.
    package func leave() {
        isLeaving = true
        delegate.connectionBecameUnusable()
        closeIfIdle()
    }

    /// Closes a client's connection that is to close and has no more streams.
    func closeIfIdle() {
        guard !isServer, isLeaving, streams.count == 0, queue.isEmpty, !hasClosed else { return }
        session.submitGoAway()
        setNeedsFlush()
    }

    /// Says goodbye and closes; the streams that are open end with the connection.
    package func terminate(_ reason: String) {
        guard !hasClosed else { return }
        session.submitGoAway()
        hangUp(reason)
    }

    /// Ends the connection with a peer that takes more than its share.
    func refuse(_ offence: FloodGuard.Offence) {
        guard !hasClosed else { return }
        server?.connectionRefused(offence)
        session.terminate(.enhanceYourCalm)
        hangUp(offence.rawValue)
    }

    /// Sends what the session has to say at last, and closes when the peer has had the time to read it.
    ///
    /// - Parameters:
    ///   - reason: Why; the streams that are open fail with it, at once.
    ///   - timeout: How long the peer may take to let us write it all.
    func hangUp(_ reason: String, timeout: TimeAmount = .seconds(1)) {
        greet()
        sendSubmitted()
        guard !hasClosed else { return }
        tearDown(reason)
        context?.channel.closeLingering(timeout: timeout)
    }

    /// Answers a peer that doesn't speak HTTP/2 in its own language, and closes likewise.
    func hangUp(saying text: String, _ reason: String) {
        guard let context, !hasClosed else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        tearDown(reason)
        context.channel.closeLingering(timeout: .seconds(1))
    }

    /// Closes the channel; the streams that are open fail for a reason.
    package func close(_ reason: String) {
        tearDown(reason)
        context?.close(promise: nil)
    }

    /// Ends all streams, once, and leaves the channel to the caller.
    func tearDown(_ reason: String) {
        guard !hasClosed else { return }
        guard sessionDepth == 0 else {
            pendingTearDown = pendingTearDown ?? reason
            return
        }
        hasClosed = true
        // Before anybody learns that a stream is lost, who may ask at once whether the next one can be opened.
        delegate.connectionBecameUnusable()
        pendingTearDown = nil
        tick?.task.cancel()
        tick = nil
        let open = streams.removeAll()
        // A header block that never ended would keep its stream, and the stream this connection, forever.
        block = HeaderBlock()
        interruptedHead = []
        for stream in open {
            stream.hasClosed = true
            stream.stallDue = nil
            stream.closed(.connectionLost(reason))
        }
        failWaitingStreams(reason)
        // The session goes with the connection; nothing calls into it from here on.
        delegate.connectionClosed(self, reason: reason)
    }
}
