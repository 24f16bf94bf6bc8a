package import NIOCore

extension Channel {
    /// Closes the channel so that the peer can still read what was written last; called on its loop.
    ///
    /// A socket that is closed with unread bytes is reset by the system, and what the peer had not read yet
    /// may be lost with it. So only our side is closed, behind what was written. What still comes is dropped
    /// in front of all handlers, until the peer closes its side, too, or has had its chance: for a second,
    /// and for 8 MiB, which is more than it may have had on its way.
    ///
    /// - Parameter timeout: How long the peer may take for what was written before.
    package func closeLingering(timeout: TimeAmount) {
        guard (try? pipeline.syncOperations.addHandler(InboundDrop(), position: .first)) != nil else {
            return close(promise: nil)
        }
        let channel = self
        let late = eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
        let ourEnd = eventLoop.makePromise(of: Void.self)
        ourEnd.futureResult.whenComplete { result in
            late.cancel()
            guard case .success = result else { return channel.close(promise: nil) }
            let end = channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
            channel.closeFuture.whenComplete { _ in end.cancel() }
        }
        close(mode: .output, promise: ourEnd)
    }
}

/// Drops what a peer sends that is not listened to any more, and closes the channel when it is too much.
private final class InboundDrop: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private static let maximumBytes = 8 << 20

    private var byteCount = 0

    func handlerAdded(context: ChannelHandlerContext) {
        // What nobody reads is what resets the socket.
        context.channel.setOption(.autoRead, value: true).whenFailure { _ in }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        byteCount += unwrapInboundIn(data).readableBytes
        if byteCount > Self.maximumBytes { context.close(promise: nil) }
    }
}
