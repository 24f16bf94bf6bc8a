public import MicroCore
public import NIOCore

/// Secures a channel by TLS: encrypted bytes on the network's side, plain ones on the other.
///
/// It begins the handshake when the channel is active and fires ``TLSHandshakeCompleted`` when it is
/// done; what is written before waits, up to a bound. If the connection can't be secured, or is
/// damaged later, it fires a ``TLSError`` through `errorCaught` and closes the channel.
///
/// Writes are encrypted when they are flushed, into buffers of up to 256 KiB. Closing sends the close
/// notification and doesn't wait for the peer's. TLS connections have no usable half-closed state
/// here: either half's end is the end. What still comes when only the output was closed is dropped, so
/// that the peer has the time to read what was written last.
public final class TLSHandler: ChannelDuplexHandler {
    /// Encrypted bytes from the network.
    public typealias InboundIn = ByteBuffer

    /// Plain bytes.
    public typealias InboundOut = ByteBuffer

    /// Plain bytes.
    public typealias OutboundIn = ByteBuffer

    /// Encrypted bytes for the network.
    public typealias OutboundOut = ByteBuffer

    /// How many bytes may be written before the handshake is done.
    static let maximumEarlyBytes = 1 << 20

    /// The size of the largest encrypted buffer.
    static let maximumOutput = 256 << 10

    private enum Phase { case waiting, handshaking, open, closing }

    private let handshakeTimeout: Duration
    private var phase = Phase.waiting
    private var session: TLSSession?
    private var pending = PendingWrites()
    private var isFlushWanted = false
    private var isReadWanted = false
    private var timer: Scheduled<Void>?

    /// Creates a handler for one channel.
    ///
    /// - Parameters:
    ///   - context: What all connections share.
    ///   - peer: Who the server must prove to be; only for clients, which need it unless the
    ///     configuration has an expected name.
    ///   - handshakeTimeout: How long the handshake may take.
    /// - Throws: A ``TLSError`` if a client doesn't know the server's name, or there is no memory.
    public init(
        _ context: TLSContext, peer: PeerName? = nil, handshakeTimeout: Duration = .seconds(10)
    ) throws(TLSError) {
        self.session = try TLSSession(context, peer: peer)
        self.handshakeTimeout = handshakeTimeout
    }
}

// MARK: - The channel's life

// The public functions are witnesses, which ChannelDuplexHandler documents.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension TLSHandler {
    public func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        end(failing: TLSError(.closed, "The TLS connection was closed."))
        session = nil
    }

    public func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        begin(context)
    }

    public func channelInactive(context: ChannelHandlerContext) {
        if let error = lossError {
            end(failing: error)
            context.fireErrorCaught(error)
        }
        context.fireChannelInactive()
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent, let error = lossError { fail(context, error) }
        context.fireUserInboundEventTriggered(event)
    }

    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        let isHalf = mode == .output && (phase == .open || phase == .closing)
        if phase == .open { sendCloseNotification(context) }
        end(failing: TLSError(.closed, "The TLS connection was closed."))
        context.close(mode: isHalf ? .output : .all, promise: promise)
    }

    private var lossError: TLSError? {
        switch phase {
        case .closing: nil
        case .open:
            TLSError(
                .truncated,
                "The connection was lost: it ended without the peer's close notification, so data may be missing."
            )
        case .waiting, .handshaking:
            TLSError(
                .closed,
                "The peer closed the connection during the TLS handshake. It may not speak TLS, or refuse us."
            )
        }
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard phase == .waiting else { return }
        phase = .handshaking
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(handshakeTimeout)) {
            self.fail(
                context,
                TLSError(.timeout, "The TLS handshake wasn't done within \(self.handshakeTimeout)."))
        }
        advanceHandshake(context)
        context.read()
    }

    private func advanceHandshake(_ context: ChannelHandlerContext) {
        guard let session else { return }
        let progress = session.handshake()
        sendOutput(context)
        guard phase == .handshaking else { return }
        switch progress {
        case .needsMore: return
        case .done: completeHandshake(context, session)
        case .failed(let error): fail(context, error)
        case .closed:
            fail(context, TLSError(.closed, "The peer closed the connection during the TLS handshake."))
        }
    }

    private func completeHandshake(_ context: ChannelHandlerContext, _ session: TLSSession) {
        timer?.cancel()
        timer = nil
        do {
            let event = try session.completeHandshake()
            phase = .open
            context.fireUserInboundEventTriggered(event)
        } catch {
            sendCloseNotification(context)
            fail(context, error)
        }
        if phase == .open, isFlushWanted { flush(context: context) }
    }

    private func sendCloseNotification(_ context: ChannelHandlerContext) {
        session?.close()
        sendOutput(context)
    }

    /// Reports an error once and closes.
    private func fail(_ context: ChannelHandlerContext, _ error: TLSError) {
        guard phase != .closing else { return }
        end(failing: error)
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }

    private func end(failing error: TLSError) {
        phase = .closing
        timer?.cancel()
        timer = nil
        pending.take().fail(error)
    }
}

// MARK: - From the network

// The public functions are witnesses, which ChannelDuplexHandler documents.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension TLSHandler {
    public func read(context: ChannelHandlerContext) {
        isReadWanted = true
        context.read()
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let session, phase == .handshaking || phase == .open else { return }
        session.feed(unwrapInboundIn(data))
        if phase == .handshaking { advanceHandshake(context) }
        guard phase == .open else { return }
        var plain = context.channel.allocator.buffer(capacity: 0)
        let progress = session.read(into: &plain)
        sendOutput(context)
        if plain.readableBytes > 0 {
            isReadWanted = false
            context.fireChannelRead(wrapInboundOut(plain))
        }
        // Anyone who got the bytes may have closed the channel.
        guard phase == .open else { return }
        switch progress {
        case .needsMore, .done: return
        case .failed(let error): fail(context, error)
        case .closed: context.channel.close(promise: nil)
        }
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        // A reader that waits for plain bytes has to wait on if these were none of them.
        if phase == .handshaking || (phase == .open && isReadWanted) { context.read() }
        context.fireChannelReadComplete()
    }
}

// MARK: - To the network

// The public functions are witnesses, which ChannelDuplexHandler documents.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension TLSHandler {
    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard phase != .closing else {
            promise?.fail(TLSError(.closed, "The TLS connection is closed."))
            return
        }
        pending.append(unwrapOutboundIn(data), promise)
        guard phase == .open || pending.byteCount <= Self.maximumEarlyBytes else {
            let error =
                "More than \(Self.maximumEarlyBytes) bytes were written before the TLS handshake was done."
            fail(context, TLSError(.failed, error))
            return
        }
    }

    public func flush(context: ChannelHandlerContext) {
        switch phase {
        case .waiting, .handshaking: isFlushWanted = true
        case .closing: context.flush()
        case .open:
            if !pending.isEmpty { encrypt(context) }
            context.flush()
        }
    }

    private func encrypt(_ context: ChannelHandlerContext) {
        guard let session else { return }
        let writes = pending.take()
        var remaining = writes.byteCount
        do {
            for buffer in writes.buffers {
                var rest = buffer.readableBytesView
                while !rest.isEmpty {
                    makeRoom(for: remaining, session, context)
                    let record = rest.prefix(TLSSession.maximumRecord)
                    try record.withUnsafeBytes { bytes throws(TLSError) in try session.write(bytes) }
                    rest = rest.dropFirst(record.count)
                    remaining -= record.count
                }
            }
        } catch {
            writes.fail(error)
            fail(context, error)
            return
        }
        let promise = writes.promise(on: context.eventLoop)
        context.write(wrapOutboundOut(session.wire.takeOutput() ?? ByteBuffer()), promise: promise)
    }

    /// Hands a full buffer on, and makes room for what remains or for a full buffer of it.
    private func makeRoom(for remaining: Int, _ session: TLSSession, _ context: ChannelHandlerContext) {
        let record = TLSSession.maximumRecord + TLSSession.recordOverhead
        if session.wire.output.readableBytes + record > Self.maximumOutput,
            let output = session.wire.takeOutput()
        {
            context.write(wrapOutboundOut(output), promise: nil)
        }
        guard session.wire.output.readableBytes == 0 else { return }
        let records = remaining / TLSSession.maximumRecord + 1
        session.wire.output.reserveCapacity(
            minimumWritableBytes: min(remaining + records * TLSSession.recordOverhead, Self.maximumOutput))
    }

    /// Sends what OpenSSL itself has to say: handshakes, alerts, notifications.
    private func sendOutput(_ context: ChannelHandlerContext) {
        guard let output = session?.wire.takeOutput() else { return }
        context.writeAndFlush(wrapOutboundOut(output), promise: nil)
    }
}
