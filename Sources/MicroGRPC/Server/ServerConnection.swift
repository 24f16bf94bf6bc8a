import CNghttp2
import Logging
import MicroCore
import MicroPluginKit
import NIOCore

/// A connection that a client opened to us.
final class ServerConnection: HTTP2Connection {
    /// How many paths a connection remembers as strings, and how long they are at most: what a client sends
    /// must not stay in memory beyond its calls.
    private static let knownPathCount = 16
    private static let knownPathLength = 256

    let handler: any CallHandler

    /// The limit of the same name, in the unit of deadlines.
    let resetGrace: TimeAmount

    /// Who the client is; what it has proved is known before its first call.
    private(set) var peer: Peer

    /// Called on the loop when nothing of the connection runs or is open any more.
    private let onEnd: @Sendable () -> Void

    /// Called on the loop when the client is refused.
    private let onRefusal: @Sendable () -> Void

    /// How many bytes the calls hold for their handlers beyond their windows, and how many they may.
    var unreadBytes = 0
    let unreadLimit: Int

    /// The number of handlers that have not returned, whether or not their call is still open.
    private var runningHandlers = 0

    private var isDraining = false
    private var knownPaths: [KnownPath] = []

    /// Whether the path of the head that was read last is a known one.
    private var isPathKnown = false
    private let logger: Logger
    private let malformedLog: LogThrottle

    init(
        handler: any CallHandler, peer: Peer, limits: HTTP2Limits, loop: any EventLoop, logger: Logger,
        malformedLog: LogThrottle = LogThrottle(burst: 1),
        onRefusal: @escaping @Sendable () -> Void = {}, onEnd: @escaping @Sendable () -> Void
    ) throws(SessionFailure) {
        self.handler = handler
        resetGrace = TimeAmount(limits.resetGrace)
        unreadLimit = max(limits.maximumUnreadBytes, limits.maximumMessageSize)
        self.logger = logger
        self.malformedLog = malformedLog
        self.peer = peer
        self.onRefusal = onRefusal
        self.onEnd = onEnd
        try super.init(role: .server, limits: limits, loop: loop)
    }

    // The session gets a limit that is never reached: it would end the connection of a client that
    // goes beyond, and loses it the other calls. The client gets the true one.
    override var extraSettings: [(id: nghttp2_settings_id, value: Int)] {
        [(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, Int(Int32.max))]
    }

    override func adjustGreeting(_ frame: inout ByteBuffer) {
        // Behind the head of nine bytes comes our first setting: two bytes of its name, four of its value.
        guard frame.getInteger(at: frame.readerIndex + 9, as: UInt16.self) == 3 else { return }
        frame.setInteger(UInt32(clamping: limits.maximumConcurrentStreams), at: frame.readerIndex + 11)
    }

    // MARK: The preface

    /// How many bytes of the preface have come.
    private var prefaceCount = 0

    /// Behind how many bytes a preface can be no request of HTTP/1.x.
    private static let tellingCount = "PRI ".utf8.count

    override func takesPreface(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let wanted = Self.preface.dropFirst(prefaceCount)
        let matching = zip(bytes, wanted).prefix { $0 == $1 }.count
        let isForeign = matching < min(bytes.count, wanted.count)
        if isForeign, prefaceCount < Self.tellingCount, prefaceCount > 0 || TextAnswer.isHTTP1(bytes) {
            hangUp(saying: TextAnswer.http1, "The client speaks HTTP/1.x.")
            return false
        }
        prefaceCount += matching
        isPrefaceAwaited = !isForeign && prefaceCount < Self.preface.count
        if isForeign || prefaceCount >= Self.tellingCount { greet() }
        return true
    }

    /// What a client begins with (RFC 9113, section 3.4).
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    // MARK: Requests

    /// The head that is being read.
    let head = RequestHead()

    /// Whether a request's head is being read, and not trailers.
    private var isReadingHead = false

    override func makeStream() -> HTTP2Stream? {
        // A head that was malformed never ended.
        if isReadingHead { head.reset() }
        isReadingHead = hasRoom
        guard isReadingHead else { return nil }
        return ServerStream(connection: self)
    }

    /// Whether one more call can be taken on.
    ///
    /// A handler may run on for a while when its call has been reset, so handlers are bounded, too.
    private var hasRoom: Bool {
        streams.count < limits.maximumConcurrentStreams
            && runningHandlers < 2 * limits.maximumConcurrentStreams
            && waitingBytes <= limits.maximumWaitingBytes
    }

    override func headersTooLong() {
        guardian.callWasted()
        (headersStream as? ServerStream)?.headersTooLong()
    }

    override func headersBegan(for stream: HTTP2Stream?) {
        if !isReadingHead { trailerRules.reset() }
        super.headersBegan(for: stream)
    }

    override func headerReceived(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        guard countField(name.count + value.count) else { return }
        if isReadingHead { return head.add(name: name, value: value, connection: self) }
        trailerRules.addTrailer(ReservedFields.field(name), name: name, value: value)
    }

    /// Records that the head is complete.
    ///
    /// - Returns: What makes the request malformed, if anything does.
    func headEnded() -> RequestRules.Violation? {
        isReadingHead = false
        return head.end(isStrict: limits.isStrictOnFields)
    }

    /// What is wrong with the trailers that are being read; they say nothing that we use.
    let trailerRules = RequestRules()

    override func bodySent(streamID: Int32) {
        for case let stream as ServerStream in streams where stream.id == streamID { stream.textSent() }
    }

    /// Says that a request was refused since it is malformed; not more often than the listener's log can bear.
    func reportMalformed(_ violation: RequestRules.Violation, path: String) {
        malformedLog.admit { suppressed in
            logger.warning(
                "A request was refused, since it is malformed (RFC 9113, section 8).",
                metadata: [
                    "reason": "\(violation)", "url.path": "\(path.printable(limit: 100))",
                    "client.address": "\(peer.address)", "suppressed": "\(suppressed)",
                ])
        }
    }

    override func refused(_ offence: FloodGuard.Offence) {
        onRefusal()
        logger.info(
            "Connection refused",
            metadata: ["reason": "\(offence.rawValue)", "client.address": "\(peer.address)"])
    }

    override func secured(by peerIdentities: [String]) {
        peer = peer.verified(as: peerIdentities)
    }

    // MARK: Paths

    /// Returns a path as a string; the paths that a client calls again and again are made once.
    func path(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        for known in knownPaths where known.isPath(bytes) {
            isPathKnown = true
            return known.path
        }
        isPathKnown = false
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Remembers the path of the head that was read last, whose call was accepted.
    func rememberPath(_ path: String) {
        guard !isPathKnown, path.utf8.count <= Self.knownPathLength else { return }
        if knownPaths.count == Self.knownPathCount { knownPaths.removeFirst() }
        knownPaths.append(KnownPath(path: path, bytes: Array(path.utf8)))
    }

    // MARK: Handlers

    func handlerStarted() { runningHandlers += 1 }

    func handlerEnded() {
        runningHandlers -= 1
        endIfDone()
    }

    /// Says once of each endpoint that it holds the thread of its connection for long.
    func reportHold(path: String, nanoseconds: Int64) {
        logger.warning(
            """
            A handler kept the thread of its connection, and all other calls on it, waiting. \
            Give the endpoint the placement .globalPool, or let it suspend.
            """,
            metadata: ["rpc.method": "\(path)", "micro.hold_ms": "\(nanoseconds / 1_000_000)"])
    }

    /// Says that a call got no answer because nghttp2 refused to send it, which nothing we send should lead to.
    func reportLostAnswer(_ reason: String) {
        logger.error(
            "An answer could not be sent, and its call was reset.",
            metadata: ["reason": "\(reason)", "client.address": "\(peer.address)"])
    }

    // MARK: The end

    /// Lets the calls finish that run, refuses new ones, and closes.
    func drain() {
        guard !isDraining, !isClosed else { return }
        isDraining = true
        greet()
        // The client learns that the connection goes away while its calls are still accepted; those
        // that it sends after it has answered the ping are refused (RFC 9113, section 6.8).
        session.submitShutdownNotice()
        // nghttp2 puts pings in front of what waits, and this one must come behind the notice.
        flush()
        session.submitPing()
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .seconds(1)) { bound.value.pingAnswered() }
        flush()
    }

    override func pingAnswered() {
        guard isDraining, !isClosed else { return }
        session.submitGoAway()
        setNeedsFlush()
    }

    /// Cancels the calls that run, and closes.
    func terminate() {
        guard !isClosed else { return }
        session.submitGoAway()
        hangUp("The server is shutting down.")
    }

    override func connectionClosed(_ reason: String) {
        logger.debug(
            "Connection closed", metadata: ["reason": "\(reason)", "client.address": "\(peer.address)"])
        endIfDone()
    }

    private func endIfDone() {
        if isClosed, runningHandlers == 0 { onEnd() }
    }
}

/// A path that was called before.
private struct KnownPath {
    let path: String
    let bytes: [UInt8]

    func isPath(_ other: UnsafeBufferPointer<UInt8>) -> Bool {
        guard bytes.count == other.count else { return false }
        // From the end, where paths differ most.
        for index in bytes.indices.reversed() where bytes[index] != other[index] { return false }
        return true
    }
}
