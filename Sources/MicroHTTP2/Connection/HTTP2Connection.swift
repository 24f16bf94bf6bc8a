import CNghttp2
package import MicroNIO
package import NIOCore

/// One HTTP/2 connection: an nghttp2 session between a NIO channel and the streams.
///
/// All its state is confined to the channel's event loop. What is on top of HTTP/2 is a delegate's affair, and the
/// streams'. Here are the state and the streams; beside this file, what nghttp2 reports, what the channel brings, what
/// goes to it, requests of a client, the time, and the end.
///
/// ## Reading and flushing
///
/// Streams run inside nghttp2's callbacks, where one may submit frames but not send them. What is
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
///
/// ## Access
///
/// What other modules see of the state are computed properties: accesses to stored properties that no other module
/// can see need no check for exclusivity at run time.
package final class HTTP2Connection {
    /// The bounds of the connection.
    package let limits: HTTP2Limits

    /// The limits of the same names, in the unit of deadlines.
    let stallTimeout: TimeAmount
    let resetGrace: TimeAmount

    /// The event loop of the channel.
    package let loop: any EventLoop

    /// What runs tasks on the event loop.
    package let executor: LoopExecutor

    /// The memory that the connections of the loop share.
    package let scratch: LoopScratch

    /// Whether the connection is encrypted, as far as a client wants it to be.
    package let isSecure: Bool

    let delegate: any HTTP2ConnectionDelegate

    /// What reads requests, if we are the server; clients have none, and leave the rules to nghttp2.
    let requests: RequestReader?

    /// The same without a count of references, for what is called for each field.
    let borrowedRequests: Unmanaged<RequestReader>?

    let session: HTTP2Session
    var context: ChannelHandlerContext?

    /// What the peer did that nghttp2 ended the connection for.
    var peersFault: String?

    var sessionDepth = 0
    var isFlushScheduled = false
    var pendingTearDown: String?
    var isReading = false
    var hasClosed = false

    /// Whether the connection is to close behind its streams.
    var isLeaving = false

    /// What finds the frames in what the peer sends, and how much of it the peer may still send.
    var scanner: FrameScanner
    var floodGuard: FloodGuard

    /// What the peer has yet to send until it has greeted us.
    var greeting: (settings: Bool, acknowledgement: Bool) = (true, true)

    /// Whether our settings are on their way.
    var hasGreeted = false

    /// What reads a client's first bytes, until the client has shown that it speaks HTTP/2.
    ///
    /// Before that we don't greet it: what we say to one that doesn't must be all that it reads.
    var preface: PrefaceReader?

    /// When the peer has to have greeted us, or ended the header block that it began.
    var greetingDue: NIODeadline?
    var headersDue: NIODeadline?

    /// Since when the socket takes nothing.
    var blockedSince: NIODeadline?

    /// The number of bytes of all streams that wait to be sent.
    var waitingBytes = 0

    /// The streams that are open.
    var streams = OpenStreams()

    /// The streams that wait until the server allows more, and how many it allows at once.
    var queue = StreamQueue()
    var peersStreamLimit = 0

    /// When the connection is given up, if the server allows no stream at all until then.
    var starvationDue: NIODeadline?

    /// Whether the encryption failed before the peer spoke HTTP/2.
    var hasSecurityFailed = false

    /// The header block that is being read.
    var block = HeaderBlock()

    /// What was kept of a header block that goes on in the next read: other connections of the loop use
    /// the shared memory in between.
    var interruptedHead: [UInt8] = []

    var tick: (due: NIODeadline, task: Scheduled<Void>)?
    var lastRead: NIODeadline
    var pingDue: NIODeadline?

    /// The time as it was when the present slice was fed, or a handler last returned.
    var time: NIODeadline

    /// Creates the server's side of a connection, which is to be added to the channel's pipeline.
    ///
    /// - Parameters:
    ///   - server: Who serves the requests.
    ///   - limits: The bounds of the connection.
    ///   - loop: The event loop of the channel.
    /// - Throws: A ``SessionFailure`` if there is no memory for it.
    package convenience init(
        serving server: any HTTP2ServerDelegate, limits: HTTP2Limits, loop: any EventLoop
    ) throws(SessionFailure) {
        try self.init(.server, server, server, isSecure: false, limits, loop)
    }

    /// Creates the client's side of a connection, which is to be added to the channel's pipeline.
    ///
    /// - Parameters:
    ///   - delegate: Whom the connection notifies.
    ///   - isSecure: Whether the channel encrypts.
    ///   - limits: The bounds of the connection.
    ///   - loop: The event loop of the channel.
    /// - Throws: A ``SessionFailure`` if there is no memory for it.
    package convenience init(
        client delegate: any HTTP2ConnectionDelegate, isSecure: Bool, limits: HTTP2Limits, loop: any EventLoop
    ) throws(SessionFailure) {
        try self.init(.client, delegate, nil, isSecure: isSecure, limits, loop)
    }

    private init(
        _ role: HTTP2Role, _ delegate: any HTTP2ConnectionDelegate, _ server: (any HTTP2ServerDelegate)?,
        isSecure: Bool, _ limits: HTTP2Limits, _ loop: any EventLoop
    ) throws(SessionFailure) {
        self.delegate = delegate
        requests = server.map(RequestReader.init)
        borrowedRequests = requests.map(Unmanaged.passUnretained)
        self.isSecure = isSecure
        self.limits = limits
        stallTimeout = TimeAmount(limits.stallTimeout)
        resetGrace = TimeAmount(limits.resetGrace)
        self.loop = loop
        session = try HTTP2Session(role: role)
        executor = EventLoops.executor(of: loop)
        scratch = LoopScratch.of(loop)
        time = .now()
        lastRead = time
        scanner = FrameScanner(preface: role == .server ? PrefaceReader.preface.count : 0)
        floodGuard = FloodGuard(limits, role: role, now: time)
        preface = role == .server ? PrefaceReader() : nil
        session.attach(self)
        peersStreamLimit = session.peersStreamLimit
    }

    /// Whether we are the server.
    var isServer: Bool { borrowedRequests != nil }

    /// Who serves the requests, if we are the server.
    var server: (any HTTP2ServerDelegate)? { requests?.delegate }

    // MARK: Streams

    /// Takes a stream in.
    func insert(_ stream: HTTP2Stream) {
        stream.countWaiting()
        streams.insert(stream)
    }

    /// The streams that are open, and those that wait.
    package var allStreams: [HTTP2Stream] { queue.isEmpty ? streams.all : streams.all + queue.streams }

    // MARK: For the delegate and the streams

    /// The time as it was when the connection last looked at the clock, which is good enough for most.
    package var now: NIODeadline {
        get { time }
        set { time = newValue }
    }

    /// Whether the connection is closed, so that no stream can be opened.
    package var isClosed: Bool { hasClosed }

    /// Whether new streams can be opened, at once or when others have ended.
    package var isUsable: Bool { !hasClosed && !isLeaving }

    /// Whether the server refused us before it spoke HTTP/2, so that it has not seen any request.
    ///
    /// With TLS 1.3 a client's handshake is done before the server has judged its certificate.
    package var isRefused: Bool { hasSecurityFailed }

    /// What there is of streams and bytes.
    package var counts: HTTP2Counts {
        HTTP2Counts(openStreams: streams.count, queuedStreams: queue.count, waitingBytes: waitingBytes)
    }

    /// How many streams the peer allows us at once.
    package var streamLimit: Int { peersStreamLimit }

    /// The longest header list that can be sent, in bytes as RFC 9113, section 6.5.2, counts them.
    package var headerListLimit: Int { session.headerListLimit }
}

/// What a connection holds at a time.
package struct HTTP2Counts: Hashable, Sendable {
    /// The streams that are open.
    package var openStreams: Int
    /// The streams that wait until the server allows more.
    package var queuedStreams: Int
    /// The bytes of all streams that wait to be sent.
    package var waitingBytes: Int
}
