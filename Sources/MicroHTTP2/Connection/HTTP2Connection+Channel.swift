import CNghttp2
import MicroNIO
import MicroTLS
package import NIOCore

// What the channel brings: bytes that are fed to the session, and events.
extension HTTP2Connection: ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// How many bytes the session is fed at once: some frames of small calls, one of large ones.
    private static let sliceSize = 1024

    /// For how long slices are fed before what was answered is flushed.
    private static let flushInterval: TimeAmount = .microseconds(500)

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { start() }
    }

    package func channelActive(context: ChannelHandlerContext) {
        start()
        context.fireChannelActive()
    }

    private func start() {
        // nghttp2 gets a limit that is never reached: it would end the connection of a client that goes beyond, and
        // lose it the other streams. The client gets the true one.
        var settings = [
            isServer
                ? (NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, Int(Int32.max))
                : (NGHTTP2_SETTINGS_ENABLE_PUSH, 0)
        ]
        settings.append((NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.streamWindow))
        settings.append((NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.maximumHeaderListSize))
        session.submitSettings(settings, connectionWindow: limits.connectionWindow)
        time = .now()
        lastRead = time
        expectGreeting()
        if let interval = limits.keepaliveInterval { watchDeadline(lastRead + TimeAmount(interval)) }
        if preface == nil { greet() }
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasClosed else { return }
        let buffer = unwrapInboundIn(data)
        if preface != nil, !buffer.withUnsafeReadableBytes({ readPreface($0) }) { return }
        time = .now()
        lastRead = time
        pingDue = nil
        floodGuard.accrue(time)
        isReading = true
        if block.kind != .ignored {
            scratch.head = interruptedHead
            interruptedHead = []
        }
        buffer.withUnsafeReadableBytes { feed($0) }
        if block.kind != .ignored { interruptedHead = scratch.head }
        watchHeaders()
    }

    private func feed(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        var lastFlush = time
        while !rest.isEmpty, pendingTearDown == nil, !hasClosed {
            let slice = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.sliceSize))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(Self.sliceSize))
            scan(slice)
            if let offence = floodGuard.offence { return refuse(offence) }
            if let failure = inSession({ $0.receive(slice) }) {
                return hangUp("The peer broke the rules of HTTP/2: \(failure).")
            }
            if let offence = floodGuard.offence { return refuse(offence) }
            if !rest.isEmpty, time - lastFlush > Self.flushInterval {
                flush()
                time = .now()
                lastFlush = time
            }
        }
    }

    /// Looks at the first bytes of a client, greets it once it is known to speak HTTP/2, and returns whether to go on.
    private func readPreface(_ bytes: UnsafeRawBufferPointer) -> Bool {
        switch preface?.read(bytes) {
        case .http1:
            hangUp(saying: server?.answerToHTTP1 ?? "", "The client speaks HTTP/1.x.")
            return false
        case .decided:
            preface = nil
            greet()
        case .notHTTP1: greet()
        case .open, nil: break
        }
        return true
    }

    private func scan(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while let head = scanner.next(in: &rest) { floodGuard.frame(head) }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        flush()
        context.fireChannelReadComplete()
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            blockedSince = nil
            flush()
        } else if blockedSince == nil, !hasClosed {
            time = .now()
            blockedSince = time
            watchDeadline(time + stallTimeout)
        }
        context.fireChannelWritabilityChanged()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        tearDown(reasonOfPeersClose)
        context.fireChannelInactive()
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSHandshakeCompleted {
            time = .now()
            if greetingDue != nil { expectGreeting() }
            delegate.connectionSecured(by: event.peerIdentities)
        }
        context.fireUserInboundEventTriggered(event)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? TLSError {
            if !isServer { hasSecurityFailed = greeting.settings }
            close(error.message)
        } else if ConnectFailure.isPeersClose(error) {
            close(reasonOfPeersClose)
        } else {
            close("The connection failed: \(ConnectFailure.reason(of: error)).")
        }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        tearDown("The connection was closed.")
        self.context = nil
    }

    /// What is said to the streams of a connection that the peer has closed.
    private var reasonOfPeersClose: String {
        guard !isServer, greeting.settings else { return "The connection was closed by the peer." }
        return "The peer closed the connection before it spoke HTTP/2. Does it expect "
            + (isSecure ? "plaintext, or another certificate?" : "TLS?")
    }
}
