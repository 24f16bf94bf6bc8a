import CNghttp2
import MicroNIO
import MicroTLS
import NIOCore

// What the channel brings: bytes that are fed to the session, and events.
extension HTTP2Connection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How many bytes the session is fed at once: some frames of small calls, one of large ones.
    private static let sliceSize = 1024

    /// For how long slices are fed before what was answered is flushed.
    private static let flushInterval: TimeAmount = .microseconds(500)

    final func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { start() }
    }

    final func channelActive(context: ChannelHandlerContext) {
        start()
        context.fireChannelActive()
    }

    private final func start() {
        var settings = extraSettings
        settings.append((NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.streamWindow))
        settings.append((NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.maximumHeaderListSize))
        session.submitSettings(settings, connectionWindow: limits.connectionWindow)
        now = .now()
        lastRead = now
        expectGreeting()
        if let interval = limits.keepaliveInterval { watchDeadline(lastRead + TimeAmount(interval)) }
        if !isPrefaceAwaited { greet() }
    }

    final func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosed else { return }
        let buffer = unwrapInboundIn(data)
        if isPrefaceAwaited, !buffer.withUnsafeReadableBytes({ takesPreface($0) }) { return }
        now = .now()
        lastRead = now
        pingDue = nil
        guardian.pay(now)
        isReading = true
        if headersStream != nil {
            scratch.metadata = interruptedMetadata
            interruptedMetadata = []
        }
        buffer.withUnsafeReadableBytes { feed($0) }
        if headersStream != nil { interruptedMetadata = scratch.metadata }
        watchHeaders()
    }

    private final func feed(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        var lastFlush = now
        while !rest.isEmpty, pendingTearDown == nil, !isClosed {
            let slice = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.sliceSize))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(Self.sliceSize))
            scan(slice)
            if let offence = guardian.offence { return refuse(offence) }
            if let failure = inSession({ $0.receive(slice) }) {
                return hangUp("The peer broke the rules of HTTP/2: \(failure).")
            }
            if let offence = guardian.offence { return refuse(offence) }
            if !rest.isEmpty, now - lastFlush > Self.flushInterval {
                flush()
                now = .now()
                lastFlush = now
            }
        }
    }

    private final func scan(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while let head = scanner.next(in: &rest) { guardian.frame(head) }
    }

    final func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        flush()
        context.fireChannelReadComplete()
    }

    final func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            blockedSince = nil
            flush()
        } else if blockedSince == nil, !isClosed {
            now = .now()
            blockedSince = now
            watchDeadline(now + stallTimeout)
        }
        context.fireChannelWritabilityChanged()
    }

    final func channelInactive(context: ChannelHandlerContext) {
        tearDown(reasonOfPeersClose)
        context.fireChannelInactive()
    }

    final func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSHandshakeCompleted {
            now = .now()
            if greetingDue != nil { expectGreeting() }
            secured(by: event.peerIdentities)
        }
        context.fireUserInboundEventTriggered(event)
    }

    final func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? TLSError {
            securityFailed()
            close(error.message)
        } else if ConnectFailure.isPeersClose(error) {
            close(reasonOfPeersClose)
        } else {
            close("The connection failed: \(ConnectFailure.reason(of: error)).")
        }
    }

    final func handlerRemoved(context: ChannelHandlerContext) {
        tearDown("The connection was closed.")
        self.context = nil
        channelGone()
    }
}
