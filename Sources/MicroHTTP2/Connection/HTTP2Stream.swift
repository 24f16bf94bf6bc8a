package import NIOCore

/// One stream of a connection: its state, confined to the connection's event loop.
///
/// A subclass says what the parts of a request and an answer mean. It is a class of its own for each protocol on top of
/// HTTP/2, and not a delegate, so that a request costs one object. One that overrides nothing drops what comes. It is
/// open since only open classes have subclasses in other modules; no product has this module.
open class HTTP2Stream {
    /// What nghttp2 gets when it asks for a part of the body.
    enum BodyPart {
        /// So many bytes.
        case bytes(Int)
        /// So many bytes, and the body is done.
        case lastBytes(Int, isFollowedByTrailers: Bool)
        /// None yet.
        case later
        /// None any more: what follows the body was not taken.
        case failed
    }

    package final let connection: HTTP2Connection

    /// The number of the stream on the wire; 0 until it is known.
    final var id: Int32 = 0

    /// The position in the connection's list of streams.
    final var position = 0

    /// The position among those that wait to be opened.
    final var queuePosition: Int?

    /// When the stream ends at the latest.
    final var endDue: NIODeadline?

    /// By when the peer must have gone on with the stream, if it is the peer's turn.
    final var stallDue: NIODeadline?

    /// Whether the stream is gone from the connection.
    final var hasClosed = false

    /// Whether the peer has ended its side.
    final var hasPeerEnded = false

    /// When the stream began.
    final let begin: NIODeadline

    /// Whether the whole answer is on the wire, and whether the request was one that a client should not make.
    final var isAnswered = false
    final var isWasteful = false

    /// Whether the request may have fields of HTTP/1.1 and a wrong `content-length`, which are dropped.
    final let isExcused: Bool

    /// How many bytes of the body have yet to come by the `content-length` of a request that must keep to it.
    final var awaitedBytes: Int64?

    /// What waits to be sent, and whether the connection counts it.
    final var outbound = OutboundBody()
    private final var isCounted: Bool

    /// Whether nghttp2 was told that there is no body yet, and must be told when there is.
    private final var isBodyDeferred = false

    /// Whether somebody waits until less waits to be sent.
    private final var isRoomAwaited = false

    /// Creates a stream.
    ///
    /// - Parameters:
    ///   - connection: Where it belongs.
    ///   - isExcused: Whether the request may have fields of HTTP/1.1 and a wrong `content-length`, which are
    ///     dropped; it is malformed else.
    package init(connection: HTTP2Connection, isExcused: Bool = false) {
        self.connection = connection
        self.isExcused = isExcused
        begin = connection.time
        // A server's stream is the connection's from the start.
        isCounted = connection.isServer
    }

    // MARK: What the wire brings

    /// Records that the head of the request is complete, which the connection's delegate has read; for servers.
    open func requestReceived(endsStream: Bool) {}

    /// Takes one field of an answer's head, or of trailers.
    ///
    /// A client gets the fields behind the limit of ``HTTP2Limits/maximumHeaderListSize``, too.
    open func fieldReceived(
        _ field: FieldName?, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
    ) {}

    /// Records that the head of an answer is complete, or its trailers; for clients.
    open func headersReceived(endsStream: Bool) {}

    /// Takes bytes of the body, which count for the stream's window until ``openWindow(by:)`` is called for them.
    ///
    /// - Parameters:
    ///   - bytes: The bytes.
    ///   - inLastFrame: Whether the frame that they are in ends the body.
    open func bodyReceived(_ bytes: UnsafeRawBufferPointer, inLastFrame: Bool) {
        openWindow(by: bytes.count)
    }

    /// Records that the peer has ended its side.
    open func bodyEnded() {}

    /// Records that the request breaks a rule of HTTP, and that the stream is reset; for servers.
    open func malformed(_ violation: RequestViolation) {}

    /// Records that the trailers of the request are longer than allowed, and are not read to their end; for servers.
    open func trailersTooLong() {}

    /// Records that the stream is gone.
    open func closed(_ reason: CloseReason) {}

    // MARK: What time brings

    /// Ends the stream because its deadline has passed.
    open func deadlinePassed() {}

    /// Ends the stream because the peer has not gone on with it in time.
    open func stalled() {}

    // MARK: What becomes of what was sent

    /// Sends the request, since the stream need not wait any more; for clients.
    open func turnCame() {}

    /// Records that the request can't be sent on this connection; for clients.
    open func failedUnsent(_ reason: String) {}

    /// Records that our head, or our trailers, were not sent, and why; a server's stream is reset.
    open func headersNotSent(_ reason: String) {}

    /// Records that our head, or our trailers, are on the wire.
    open func headersSent() {}

    /// Records that so little waits to be sent that more may come, for one who waits for that.
    open func roomAvailable() {}

    // MARK: State

    /// Whether the stream is gone from the connection.
    package final var isClosed: Bool { hasClosed }

    /// Whether the stream waits until the server allows another one.
    package final var isQueued: Bool { queuePosition != nil }

    /// Whether the stream has a number, so that the peer can have heard of it.
    package final var isOpen: Bool { id > 0 && !hasClosed }

    /// How many bytes of the request's body have yet to come by its `content-length`, unless that is excused.
    package final var contentLengthLeft: Int64? { awaitedBytes }

    /// Takes the body of the request as it comes, whatever its `content-length` says.
    package final func ignoreContentLength() { awaitedBytes = nil }

    // MARK: Deadlines

    /// When the stream ends at the latest.
    package final var deadline: NIODeadline? { endDue }

    /// Sets the time when the stream ends at the latest.
    package final func setDeadline(_ deadline: NIODeadline?) {
        endDue = deadline
        if let deadline { connection.watchDeadline(deadline) }
    }

    /// Whether the deadline has passed.
    ///
    /// The connection's idea of the time is good enough until the deadline is near.
    package final var isOverdue: Bool {
        guard let endDue, endDue <= connection.time + HTTP2Connection.tickLength else { return false }
        connection.time = .now()
        return endDue <= connection.time
    }

    /// Whether the peer has to go on with the stream by some time.
    package final var isStallWatched: Bool { stallDue != nil }

    /// Gives the peer time to go on with the stream: the stall timeout, if no other is named.
    package final func watchStall(_ timeout: TimeAmount? = nil) {
        let due = connection.time + (timeout ?? connection.stallTimeout)
        stallDue = due
        connection.watchDeadline(due)
    }

    /// Gives the peer all the time that it takes.
    package final func unwatchStall() { stallDue = nil }

    /// Asks for a call of ``roomAvailable()`` when less waits to be sent.
    package final func awaitRoom() { isRoomAwaited = true }

    // MARK: The connection's side

    /// Moves a part of the body to a buffer, and lets one who waits for room go on.
    final func moveBody(_ count: Int, to buffer: inout ByteBuffer) {
        outbound.move(count, to: &buffer)
        connection.waitingBytes -= count
        // The peer takes its answer, if slowly.
        if stallDue != nil, outbound.count > 0 { watchStall() }
        guard isRoomAwaited, outbound.count <= OutboundBody.lowWatermark else { return }
        isRoomAwaited = false
        roomAvailable()
    }

    /// Returns how much of the body can be sent now.
    final func nextBody(limit: Int) -> BodyPart {
        let count = min(limit, outbound.count)
        guard let end = outbound.end, count == outbound.count else {
            if count > 0 { return .bytes(count) }
            isBodyDeferred = true
            return .later
        }
        let isTaken: Bool
        switch end {
        case .stream: return .lastBytes(count, isFollowedByTrailers: false)
        case .permanentTrailers(let fields): isTaken = connection.session.submitTrailers(fields, for: id)
        case .trailers(let fields): isTaken = connection.session.submitTrailers(fields, for: id)
        }
        return isTaken ? .lastBytes(count, isFollowedByTrailers: true) : .failed
    }

    /// Lets the connection count bytes that were put behind those that wait, or that were dropped.
    final func countAppended(_ count: Int) { if isCounted { connection.waitingBytes += count } }

    /// Tells nghttp2 that there is a body again, if it waits for that.
    final func resumeBody() {
        guard isBodyDeferred else { return }
        isBodyDeferred = false
        connection.session.resumeBody(of: id)
    }

    /// Lets the connection count what waits to be sent, from here on.
    final func countWaiting() {
        guard !isCounted else { return }
        isCounted = true
        connection.waitingBytes += outbound.count
    }
}
