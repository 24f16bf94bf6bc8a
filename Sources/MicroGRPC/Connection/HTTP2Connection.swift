import CNghttp2
import Logging
import MicroCore
import MicroNIO
import MicroTLS
import NIOCore

/// One HTTP/2 connection: an nghttp2 session between a NIO channel and the streams of calls.
///
/// All its state is confined to the channel's event loop. ``ServerConnection`` and
/// ``ClientConnection`` say what is special on their side.
///
/// ## Reading and flushing
///
/// Handlers run inside nghttp2's callbacks, where one may submit frames but not send them. What is
/// submitted is sent at the end of the read, or by one flush in the loop's next turn. A read is fed to
/// the session in small slices, and what has been answered is flushed in between when that takes
/// long, so that the first answer of a read does not wait for the last.
///
/// ## Closing
///
/// A channel that is closed from inside a callback must not free the session that is running.
/// ``tearDown(_:)`` therefore waits until no function of the session is on the stack.
///
/// Behind every GOAWAY that is our last word, ``hangUp(_:)`` leaves the peer the time to read it.
class HTTP2Connection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How many bytes the session is fed at once: some frames of small calls, one of large ones.
    private static let sliceSize = 1024

    /// For how long slices are fed before what was answered is flushed.
    private static let flushInterval: TimeAmount = .microseconds(500)

    /// How many bytes are collected before they are handed to the channel.
    private static let flushSize = 256 << 10

    /// How exactly deadlines are kept.
    private static let tickLength: TimeAmount = .milliseconds(5)

    final let limits: HTTP2Limits

    /// The limit of the same name, in the unit of deadlines.
    final let stallTimeout: TimeAmount
    final let loop: any EventLoop
    final let executor: LoopExecutor
    final let scratch: LoopScratch

    final let session: HTTP2Session
    private final var context: ChannelHandlerContext?

    /// What the peer did that nghttp2 ended the connection for.
    private final var peersFault: String?

    private final var sessionDepth = 0
    private final var isFlushScheduled = false
    private final var pendingTearDown: String?
    private final var isReading = false
    final private(set) var isClosed = false

    /// What finds the frames in what the peer sends, and how much of it the peer may still send.
    private final var scanner: FrameScanner
    final var guardian: FloodGuard

    /// What the peer has yet to send until it has greeted us.
    private final var greeting: (settings: Bool, acknowledgement: Bool) = (true, true)

    /// When the peer has to have greeted us, or ended the header block that it began.
    private final var greetingDue: NIODeadline?
    private final var headersDue: NIODeadline?

    /// Since when the socket takes nothing.
    private final var blockedSince: NIODeadline?

    /// The number of bytes of all streams that wait to be sent.
    final var waitingBytes = 0

    /// The streams that are open, in no order.
    final private(set) var streams: [HTTP2Stream] = []

    /// The stream whose header block is being read.
    private final var headersStream: HTTP2Stream?

    /// The metadata of a header block that goes on in the next read: other connections of the loop use
    /// the shared memory in between.
    private final var interruptedMetadata: [UInt8] = []

    private final var tick: (due: NIODeadline, task: Scheduled<Void>)?
    private final var lastRead: NIODeadline
    private final var pingDue: NIODeadline?

    /// The time as it was when the present slice was fed, or a handler last returned.
    final var now: NIODeadline

    init(role: HTTP2Session.Role, limits: HTTP2Limits, loop: any EventLoop) throws(SessionFailure) {
        self.limits = limits
        stallTimeout = TimeAmount(limits.stallTimeout)
        self.loop = loop
        session = try HTTP2Session(role: role)
        executor = EventLoops.executor(of: loop)
        scratch = LoopScratch.of(loop)
        now = .now()
        lastRead = now
        scanner = FrameScanner(preface: role == .server ? Int(NGHTTP2_CLIENT_MAGIC_LEN) : 0)
        guardian = FloodGuard(limits, now: now)
        session.attach(self)
    }

    // MARK: For the two sides

    /// Returns the settings to announce besides those of both sides.
    var extraSettings: [(id: nghttp2_settings_id, value: Int)] { [] }

    /// Begins a stream that the peer opened; `nil` if it is refused.
    func makeStream() -> HTTP2Stream? { nil }

    /// Takes note that the connection is encrypted, and of the names that the peer has proved.
    func secured(by peerIdentities: [String]) {}

    /// Takes note that the connection can't be encrypted, or is not any more; it is closed then.
    func securityFailed() {}

    /// Takes note that the peer goes away.
    func goAwayReceived(code: UInt32) {}

    /// Changes our settings as they travel, which the session keeps to as they were submitted.
    func adjustGreeting(_ frame: inout ByteBuffer) {}

    /// Takes note of the peer's settings.
    func settingsReceived() {}

    /// Takes note that the peer is refused.
    func refused(_ offence: FloodGuard.Offence) {}

    /// Takes note that a stream is gone; called for each.
    func streamRemoved() {}

    /// Takes note that the connection is about to tell its calls that it is closed.
    func willClose() {}

    /// Takes note that the connection is closed for calls, and why; called once.
    func connectionClosed(_ reason: String) {}

    /// Takes note that the channel is gone, too; called once, and last.
    func channelGone() {}

    // MARK: Channel events

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
        if let interval = limits.keepaliveInterval { scheduleTick(at: lastRead + TimeAmount(interval)) }
        greet()
    }

    private final func greet() {
        scratch.output.clear()
        _ = inSession { fillOutput(from: $0) }
        adjustGreeting(&scratch.output)
        context?.writeAndFlush(wrapOutboundOut(scratch.output), promise: nil)
    }

    private final func expectGreeting() {
        let due = now + TimeAmount(limits.handshakeTimeout)
        greetingDue = due
        scheduleTick(at: due)
    }

    final func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosed else { return }
        let buffer = unwrapInboundIn(data)
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

    /// A header block that goes on in the next read has to end some time: it stops the whole connection.
    private final func watchHeaders() {
        guard scanner.isInsideHeaders else { return headersDue = nil }
        guard headersDue == nil, !isClosed else { return }
        let due = now + stallTimeout
        headersDue = due
        scheduleTick(at: due)
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
            scheduleTick(at: now + stallTimeout)
        }
        context.fireChannelWritabilityChanged()
    }

    /// What is said to the calls of a connection that the peer has closed.
    var reasonOfPeersClose: String { "The connection was closed by the peer." }

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
        guard let error = error as? TLSError else { return close("The connection failed: \(error)") }
        securityFailed()
        close(error.message)
    }

    final func handlerRemoved(context: ChannelHandlerContext) {
        tearDown("The connection was closed.")
        self.context = nil
        channelGone()
    }

    // MARK: The session

    /// Runs a function of the session, during which the connection can't be torn down.
    private final func inSession<Value>(_ body: (HTTP2Session) -> Value) -> Value {
        sessionDepth += 1
        defer {
            sessionDepth -= 1
            if sessionDepth == 0, let reason = pendingTearDown { tearDown(reason) }
        }
        return body(session)
    }

    /// Sees to it that what was submitted is sent soon.
    final func setNeedsFlush() {
        guard !isReading, sessionDepth == 0, !isFlushScheduled, !isClosed else { return }
        isFlushScheduled = true
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.execute {
            bound.value.isFlushScheduled = false
            bound.value.flush()
        }
    }

    /// Sends what was submitted, as far as the channel takes it, and closes if that was the last.
    final func flush() {
        guard sessionDepth == 0, !isClosed else { return }
        sendSubmitted()
        guard !isClosed, session.isDone else { return }
        if let peersFault { return hangUp(peersFault) }
        hangUp("The connection was closed after its last call.", timeout: stallTimeout)
    }

    private final func sendSubmitted() {
        guard sessionDepth == 0, !isClosed, let context else { return }
        while !isClosed, context.channel.isWritable {
            scratch.output.clear()
            let failure = inSession { fillOutput(from: $0) }
            guard !isClosed else { return }
            let count = scratch.output.readableBytes
            if count > 0 { context.writeAndFlush(wrapOutboundOut(scratch.output), promise: nil) }
            if let failure { return close("The HTTP/2 session failed: \(failure)") }
            if count < Self.flushSize { break }
        }
        if scratch.output.capacity > 4 * Self.flushSize { scratch.output = ByteBuffer() }
    }

    private final func fillOutput(from session: HTTP2Session) -> String? {
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

    // MARK: Closing

    /// Ends the connection with a peer that takes more than its share.
    private final func refuse(_ offence: FloodGuard.Offence) {
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
        sendSubmitted()
        guard !isClosed else { return }
        tearDown(reason)
        context?.channel.closeLingering(timeout: timeout)
    }

    /// Closes the channel; the calls that run fail for a reason.
    final func close(_ reason: String) {
        tearDown(reason)
        context?.close(promise: nil)
    }

    private final func tearDown(_ reason: String) {
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
        // A header block that never ended would keep its stream, and the stream this connection, for ever.
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

    // MARK: Streams

    /// Takes a stream in.
    final func insert(_ stream: HTTP2Stream) {
        waitingBytes += stream.outbound.count
        stream.position = streams.count
        streams.append(stream)
    }

    private final func remove(_ stream: HTTP2Stream) {
        guard streams.indices.contains(stream.position), streams[stream.position] === stream else { return }
        let last = streams.removeLast()
        if last !== stream {
            last.position = stream.position
            streams[stream.position] = last
        }
    }

    // MARK: What nghttp2 reports

    final func requestBegan(streamID: Int32) {
        let stream = makeStream()
        headersBegan(for: stream)
        guard let stream else {
            // Its frames mean nothing to us from here on.
            session.reset(streamID, NGHTTP2_REFUSED_STREAM)
            return guardian.callWasted()
        }
        stream.id = streamID
        insert(stream)
        session.setStream(stream, for: streamID)
    }

    final func headersBegan(for stream: HTTP2Stream?) {
        scratch.metadata.removeAll(keepingCapacity: true)
        headersStream = stream
    }

    func headerReceived(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        headersStream?.headerReceived(name: name, value: value)
    }

    final func headersEnded(for stream: HTTP2Stream?, endsStream: Bool) {
        headersStream = nil
        guard let stream else { return }
        stream.headersEnded(endsStream: endsStream)
        if endsStream { stream.bodyEnded() }
    }

    final func bodyReceived(_ bytes: UnsafeRawBufferPointer, for stream: HTTP2Stream?) {
        session.consumeConnection(bytes.count)
        stream?.bodyReceived(bytes)
    }

    final func writeBody(of stream: HTTP2Stream, frameHead: UnsafeRawBufferPointer, count: Int) {
        guardian.answerSent()
        scratch.output.writeBytes(frameHead)
        stream.moveBody(count, to: &scratch.output)
    }

    final func streamClosed(_ stream: HTTP2Stream, code: UInt32) {
        remove(stream)
        // nghttp2 does not report the end of a head that it found malformed.
        if headersStream === stream { headersStream = nil }
        session.setStream(nil, for: stream.id)
        stream.isClosed = true
        stream.patience = nil
        stream.closed(.reset(code: code))
        stream.dropOutbound()
        streamRemoved()
    }

    func pingAnswered() {}

    /// Takes note that our GOAWAY is on its way, which says what is wrong if nghttp2 found something.
    final func goAwaySent(code: UInt32, detail: String) {
        guard code != NGHTTP2_NO_ERROR.rawValue else { return }
        let name = CloseReason.name(ofCode: code)
        peersFault = "The peer broke the rules of HTTP/2: \(name)\(detail.isEmpty ? "" : ", \(detail)")."
    }

    /// Takes note of the peer's settings, or of its answer to ours.
    final func settingsReceived(isAcknowledgement: Bool) {
        if isAcknowledgement {
            greeting.acknowledgement = false
        } else {
            greeting.settings = false
            settingsReceived()
        }
        if !greeting.settings, !greeting.acknowledgement { greetingDue = nil }
    }

    // MARK: Time

    /// Sees to it that a stream's deadline is kept.
    final func watchDeadline(_ deadline: NIODeadline) { scheduleTick(at: deadline) }

    private final func scheduleTick(at deadline: NIODeadline) {
        if let tick, tick.due <= deadline + Self.tickLength { return }
        tick?.task.cancel()
        let due = max(deadline, now + Self.tickLength)
        let bound = NIOLoopBound(self, eventLoop: loop)
        tick = (due, loop.scheduleTask(deadline: due) { bound.value.ticked() })
    }

    private final func ticked() {
        tick = nil
        guard !isClosed else { return }
        now = .now()
        if isStuck() { return }
        for stream in streams {
            if let deadline = stream.deadline, deadline <= now { stream.expire() }
            if let patience = stream.patience, patience <= now { stream.patienceEnded() }
        }
        for stream in streams {
            if let deadline = stream.deadline, deadline > now { scheduleTick(at: deadline) }
            if let patience = stream.patience, patience > now { scheduleTick(at: patience) }
        }
        keepAlive()
        flush()
    }

    /// Ends the connection of a peer that keeps it as a whole waiting for too long.
    private final func isStuck() -> Bool {
        for due in [greetingDue, headersDue] {
            if let due, due > now { scheduleTick(at: due) }
        }
        if let greetingDue, greetingDue <= now {
            session.terminate(NGHTTP2_SETTINGS_TIMEOUT)
            hangUp("The peer did not send its settings, or acknowledge ours, in time.")
        } else if let headersDue, headersDue <= now {
            refuse(.unfinishedHeaders)
        } else if let blockedSince {
            let due = blockedSince + stallTimeout
            if due <= now {
                close("The peer does not take what it is sent.")
            } else {
                scheduleTick(at: due)
            }
        }
        return isClosed
    }

    private final func keepAlive() {
        guard let interval = limits.keepaliveInterval else { return }
        if let pingDue {
            guard pingDue > now else {
                return close("The peer did not answer a ping; the connection is lost.")
            }
            return scheduleTick(at: pingDue)
        }
        let next = lastRead + TimeAmount(interval)
        guard next <= now else { return scheduleTick(at: next) }
        session.submitPing()
        let due = now + TimeAmount(limits.keepaliveTimeout)
        pingDue = due
        // An answered ping is followed by the next interval, however long it might have taken.
        scheduleTick(at: min(due, now + TimeAmount(interval)))
    }
}
