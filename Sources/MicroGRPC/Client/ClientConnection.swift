import CNghttp2
import MicroCore
import MicroNIO
import MicroPluginKit
import NIOCore

/// A connection that we opened to a server.
final class ClientConnection: HTTP2Connection {
    /// What other threads may know of the connection.
    let status: ClientStatus

    /// What stands for the server in `:authority`.
    let authority: String

    /// Whether the connection is encrypted.
    let isSecure: Bool

    /// Succeeds when the connection can be used: when the TLS handshake is done, if there is one.
    private let ready: EventLoopPromise<Void>?

    /// The calls that wait for a stream, and how many streams the server allows at once.
    var queue = StreamQueue()
    private(set) var streamLimit = 0

    /// When the connection is given up, if the server allows no stream at all until then.
    var starvationDue: NIODeadline?

    private(set) var isGoingAway = false
    private var hasFailed: String?

    init(
        authority: String, ready: EventLoopPromise<Void>?, status: ClientStatus, limits: HTTP2Limits,
        loop: any EventLoop
    ) throws(SessionFailure) {
        self.authority = authority
        self.ready = ready
        isSecure = ready != nil
        self.status = status
        try super.init(role: .client, limits: limits, loop: loop)
        streamLimit = session.peersStreamLimit
    }

    override var extraSettings: [(id: nghttp2_settings_id, value: Int)] {
        [(NGHTTP2_SETTINGS_ENABLE_PUSH, 0)]
    }

    override func secured(by peerIdentities: [String]) { ready?.succeed() }

    /// Whether the server refused us before it spoke HTTP/2, so that it has not seen any call.
    ///
    /// With TLS 1.3 a client's handshake is done before the server has judged its certificate.
    private(set) var isRefused = false

    private var hasServerSpoken = false

    override func settingsReceived() {
        hasServerSpoken = true
        streamLimit = session.peersStreamLimit
        if !queue.isEmpty { beginWaitingCalls() }
    }

    override var reasonOfPeersClose: String {
        guard !hasServerSpoken else { return super.reasonOfPeersClose }
        return "The peer closed the connection before it spoke HTTP/2. Does it expect "
            + (isSecure ? "plaintext, or another certificate?" : "TLS?")
    }

    override func securityFailed() { isRefused = !hasServerSpoken }

    /// Makes an error say that it is one of certificates or their like, if that is why we have no connection.
    func explained(_ error: MicroError) -> MicroError {
        guard isRefused else { return error }
        var error = error
        error.processed = .no
        error.isSecurityFailure = true
        return error
    }

    // MARK: Calls

    /// Begins a call.
    ///
    /// - Parameters:
    ///   - stream: The call.
    ///   - head: What to call.
    /// - Returns: Why it can't be made, if it can't.
    ///
    /// The call waits if the server allows no more streams at present.
    func begin(_ stream: ClientStream, _ head: CallHead) -> MicroError? {
        guard !isClosed, !isGoingAway else { return explained(Self.unusable(hasFailed)) }
        if let error = RequestFields.fault(in: head) { return error }
        if let error = stream.outbound.tooLongMessage(limit: limits.maximumMessageSize) { return error }
        now = .now()
        var timeout: Int64?
        if let deadline = head.uptimeDeadline {
            let left = deadline.timeLeft
            guard left > 0 else { return ClientStream.deadlineError(processed: .no) }
            timeout = left
            let due = now + .nanoseconds(left)
            stream.deadline = due
            watchDeadline(due)
        }
        let canBegin = queue.isEmpty && streams.count < streamLimit
        if let error = canBegin ? submit(stream, head, timeout: timeout) : enqueue(stream, head) {
            return error
        }
        status.callBegan()
        return nil
    }

    /// Sends a call's request.
    ///
    /// - Returns: Why it can't be sent, if it can't.
    func submit(_ stream: ClientStream, _ head: CallHead, timeout: Int64?) -> MicroError? {
        let fields = RequestFields.block(head, authority: authority, isSecure: isSecure, timeout: timeout)
        let (size, limit) = (fields.listSize, session.headerListLimit)
        guard size <= limit else { return RequestFields.tooLong(size, limit: limit) }
        guard let id = session.submitRequest(fields, for: stream) else {
            // The ids of the connection are used up: it takes no more calls, and ends after those it has.
            goAway()
            return Self.unusable("The connection has made all calls that it can.")
        }
        stream.id = id
        insert(stream)
        setNeedsFlush()
        return nil
    }

    /// Ends a call whose caller was cancelled.
    func cancel(_ key: CallKey) {
        for case let stream as ClientStream in streams where stream.key === key { return stream.cancel() }
        for stream in queue.streams where stream.key === key { return stream.cancel() }
    }

    override func checkWaitingCalls() { if !queue.isEmpty { checkQueue() } }

    override func streamRemoved() {
        if !queue.isEmpty { beginWaitingCalls() }
        closeIfIdle()
    }

    static func unusable(_ reason: String?) -> MicroError {
        MicroError(
            .unavailable, reason ?? "The connection takes no more calls.", id: clientErrorID, processed: .no)
    }

    // MARK: The end

    override func goAwayReceived(code: UInt32) {
        goAway()
        failWaitingCalls("The server takes no more calls on this connection.")
    }

    /// Makes no more calls, and closes after those that it has.
    func goAway() {
        isGoingAway = true
        status.becameUnusable()
        closeIfIdle()
    }

    /// Cancels the calls that run, and closes.
    func terminate() {
        for case let stream as ClientStream in streams { stream.cancel() }
        for stream in queue.streams { stream.cancel() }
        session.submitGoAway()
        hangUp("The connection was closed.")
    }

    func closeIfIdle() {
        guard isGoingAway, streams.isEmpty, queue.isEmpty, !isClosed else { return }
        session.submitGoAway()
        setNeedsFlush()
    }

    // Before a caller learns that its call is lost: it may ask at once whether the next one can be made.
    override func willClose() { status.becameUnusable() }

    override func connectionClosed(_ reason: String) {
        hasFailed = reason
        failWaitingCalls(reason)
        ready?.fail(explained(Self.unusable(reason)))
        status.closed.open()
    }
}

/// The id of errors that the client itself reports.
let clientErrorID = "go.micro.client"

/// What tells one call of a connection from the others, for those who aren't on its loop.
final class CallKey: Sendable {}
