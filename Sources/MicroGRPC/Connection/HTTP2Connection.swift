import CNghttp2
import MicroNIO
import NIOCore

/// One HTTP/2 connection: an nghttp2 session between a NIO channel and the streams of calls.
///
/// All its state is confined to the channel's event loop. ``ServerConnection`` and
/// ``ClientConnection`` say what is special on their side. Here are the state, the streams and what nghttp2
/// reports; beside this file, what the channel brings, what goes to it, the time, and the end.
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
class HTTP2Connection {
    final let limits: HTTP2Limits

    /// The limit of the same name, in the unit of deadlines.
    final let stallTimeout: TimeAmount
    final let loop: any EventLoop
    final let executor: LoopExecutor
    final let scratch: LoopScratch

    final let session: HTTP2Session
    final var context: ChannelHandlerContext?

    /// What the peer did that nghttp2 ended the connection for.
    final var peersFault: String?

    final var sessionDepth = 0
    final var isFlushScheduled = false
    final var pendingTearDown: String?
    final var isReading = false
    final var isClosed = false

    /// What finds the frames in what the peer sends, and how much of it the peer may still send.
    final var scanner: FrameScanner
    final var guardian: FloodGuard

    /// What the peer has yet to send until it has greeted us.
    private final var greeting: (settings: Bool, acknowledgement: Bool) = (true, true)

    /// Whether our settings are on their way.
    final var hasGreeted = false

    /// Whether the peer has yet to show that it speaks HTTP/2, in front of which we don't greet it: what we say to
    /// one that doesn't must be all that it reads.
    final var isPrefaceAwaited: Bool

    /// When the peer has to have greeted us, or ended the header block that it began.
    final var greetingDue: NIODeadline?
    final var headersDue: NIODeadline?

    /// Since when the socket takes nothing.
    final var blockedSince: NIODeadline?

    /// The number of bytes of all streams that wait to be sent.
    final var waitingBytes = 0

    /// The streams that are open, in no order.
    final var streams: [HTTP2Stream] = []

    /// The stream whose header block is being read.
    final var headersStream: HTTP2Stream?

    /// The size of the header block that is being read, as RFC 9113, section 6.5.2, counts it.
    private final var blockSize = 0

    /// The metadata of a header block that goes on in the next read: other connections of the loop use
    /// the shared memory in between.
    final var interruptedMetadata: [UInt8] = []

    final var tick: (due: NIODeadline, task: Scheduled<Void>)?
    final var lastRead: NIODeadline
    final var pingDue: NIODeadline?

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
        guardian = FloodGuard(limits, role: role, now: now)
        isPrefaceAwaited = role == .server
        session.attach(self)
    }

    // MARK: For the two sides

    /// Returns the settings to announce besides those of both sides.
    var extraSettings: [(id: nghttp2_settings_id, value: Int)] { [] }

    /// Begins a stream that the peer opened; `nil` if it is refused.
    func makeStream() -> HTTP2Stream? { nil }

    /// Records that the connection is encrypted, and of the names that the peer has proved.
    func secured(by peerIdentities: [String]) {}

    /// Records that the connection can't be encrypted, or is not any more; it is closed then.
    func securityFailed() {}

    /// Records that the peer goes away.
    func goAwayReceived(code: UInt32) {}

    /// Looks at the first bytes of a client; greets it once they are known, and returns whether to go on.
    func takesPreface(_ bytes: UnsafeRawBufferPointer) -> Bool { true }

    /// Changes our settings as they travel, which the session keeps to as they were submitted.
    func adjustGreeting(_ frame: inout ByteBuffer) {}

    /// Records the peer's settings.
    func settingsReceived() {}

    /// Records that the header block that is being read is longer than allowed; called once for each.
    func headersTooLong() {}

    /// Records that the peer is refused.
    func refused(_ offence: FloodGuard.Offence) {}

    /// What is said to the calls of a connection that the peer has closed.
    var reasonOfPeersClose: String { "The connection was closed by the peer." }

    /// Looks after the calls that wait for a stream, as the timer does after those that have one.
    func checkWaitingCalls() {}

    /// Records that a stream is gone; called for each.
    func streamRemoved() {}

    /// Records that the connection is about to tell its calls that it is closed.
    func willClose() {}

    /// Records that the connection is closed for calls, and why; called once.
    func connectionClosed(_ reason: String) {}

    /// Records that the channel is gone, too; called once, and last.
    func channelGone() {}

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

    func headersBegan(for stream: HTTP2Stream?) {
        scratch.metadata.removeAll(keepingCapacity: true)
        headersStream = stream
        blockSize = 0
    }

    /// Counts a field of the header block that is being read, whether or not anybody reads it.
    ///
    /// A few bytes can stand for a long field that was sent before, again and again, so it is the decoded
    /// size that counts.
    ///
    /// - Parameter size: The bytes of its name and value.
    /// - Returns: Whether the block so far is as short as it has to be.
    @discardableResult
    final func countField(_ size: Int) -> Bool {
        let before = blockSize
        blockSize = before + size + 32
        guard blockSize > limits.maximumHeaderListSize else { return true }
        if before <= limits.maximumHeaderListSize { headersTooLong() }
        if blockSize > max(limits.maximumHeaderListSize, 16 << 10) * FloodGuard.bombFactor {
            guardian.note(.headerBomb)
        }
        return false
    }

    func headerReceived(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        countField(name.count + value.count)
        headersStream?.headerReceived(name: name, value: value)
    }

    final func headersEnded(for stream: HTTP2Stream?, endsStream: Bool) {
        headersStream = nil
        guard let stream else { return }
        stream.headersEnded(endsStream: endsStream)
        if endsStream { stream.bodyEnded() }
    }

    final func bodyReceived(_ bytes: UnsafeRawBufferPointer, inLastFrame: Bool, for stream: HTTP2Stream?) {
        session.consumeConnection(bytes.count)
        stream?.bodyReceived(bytes, inLastFrame: inLastFrame)
    }

    /// Records that a frame of ours has ended a stream's body.
    func bodySent(streamID: Int32) {}

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

    /// Sees to it that fields that were not sent are not missed in silence.
    final func headersNotSent(for stream: HTTP2Stream?, code: CInt) {
        switch nghttp2_error(code) {
        case NGHTTP2_ERR_STREAM_CLOSED, NGHTTP2_ERR_STREAM_CLOSING, NGHTTP2_ERR_STREAM_SHUT_WR,
            NGHTTP2_ERR_SESSION_CLOSING, NGHTTP2_ERR_START_STREAM_NOT_ALLOWED:
            // The stream or the connection ended meanwhile, which its call learns in another way.
            return
        case NGHTTP2_ERR_HEADER_COMP:
            // The peer's table of fields is not ours any more.
            session.terminate(NGHTTP2_INTERNAL_ERROR)
        default:
            stream?.headersNotSent(String(cString: nghttp2_strerror(code)))
        }
    }

    func pingAnswered() {}

    /// Records that our GOAWAY is on its way, which says what is wrong if nghttp2 found something.
    final func goAwaySent(code: UInt32, detail: String) {
        guard code != NGHTTP2_NO_ERROR.rawValue else { return }
        let name = CloseReason.name(ofCode: code)
        peersFault = "The peer broke the rules of HTTP/2: \(name)\(detail.isEmpty ? "" : ", \(detail)")."
    }

    /// Records the peer's settings, or of its answer to ours.
    final func settingsReceived(isAcknowledgement: Bool) {
        if isAcknowledgement {
            greeting.acknowledgement = false
        } else {
            greeting.settings = false
            settingsReceived()
        }
        if !greeting.settings, !greeting.acknowledgement { greetingDue = nil }
    }
}
