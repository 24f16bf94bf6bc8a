import CNghttp2
import MicroNIO
import NIOCore

// How the connection ends.
extension HTTP2Connection {
    /// Ends the connection with a peer that takes more than its share.
    final func refuse(_ offence: FloodGuard.Offence) {
        guard !isClosed else { return }
        refused(offence)
        session.terminate(NGHTTP2_ENHANCE_YOUR_CALM)
        hangUp(offence.rawValue)
    }

    /// Sends what the session has to say at last, and closes when the peer has had the time to read it.
    ///
    /// - Parameters:
    ///   - reason: Why; the calls that run fail with it, at once.
    ///   - timeout: How long the peer may take to let us write it all.
    final func hangUp(_ reason: String, timeout: TimeAmount = .seconds(1)) {
        greet()
        sendSubmitted()
        guard !isClosed else { return }
        tearDown(reason)
        context?.channel.closeLingering(timeout: timeout)
    }

    /// Answers a peer that doesn't speak HTTP/2 in its own language, and closes likewise.
    final func hangUp(saying text: String, _ reason: String) {
        guard let context, !isClosed else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        tearDown(reason)
        context.channel.closeLingering(timeout: .seconds(1))
    }

    /// Closes the channel; the calls that run fail for a reason.
    final func close(_ reason: String) {
        tearDown(reason)
        context?.close(promise: nil)
    }

    /// Ends all calls, once, and leaves the channel to the caller.
    final func tearDown(_ reason: String) {
        guard !isClosed else { return }
        guard sessionDepth == 0 else {
            pendingTearDown = pendingTearDown ?? reason
            return
        }
        isClosed = true
        willClose()
        pendingTearDown = nil
        tick?.task.cancel()
        tick = nil
        let open = streams
        streams = []
        // A header block that never ended would keep its stream, and the stream this connection, forever.
        headersStream = nil
        interruptedMetadata = []
        for stream in open {
            stream.isClosed = true
            stream.patience = nil
            stream.closed(.connectionLost(reason))
        }
        // The session goes with the connection; nothing calls into it from here on.
        connectionClosed(reason)
    }
}
