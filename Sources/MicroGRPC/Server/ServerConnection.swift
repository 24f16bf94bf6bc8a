import Logging
import MicroCore
import MicroHTTP2
import MicroPluginKit

/// The calls of a connection that a client opened to us.
final class ServerConnection: HTTP2ServerDelegate {
    /// How many paths a connection remembers as strings, and how long they are at most: what a client sends
    /// must not stay in memory beyond its calls.
    private static let knownPathCount = 16
    private static let knownPathLength = 256

    let handler: any CallHandler

    /// The greatest length of a message, in bytes.
    let messageLimit: Int

    /// The size of the header blocks that clients may send, as errors name it.
    let headerListLimit: Int

    /// Whether calls with fields of HTTP/1.1 are malformed.
    private let isStrictOnFields: Bool

    /// Who the client is; what it has proved is known before its first call.
    private(set) var peer: Peer

    /// Called on the loop when nothing of the connection runs or is open any more.
    private let onEnd: @Sendable () -> Void

    /// Called on the loop when the client is refused.
    private let onRefusal: @Sendable () -> Void

    /// How many bytes the calls hold for their handlers beyond their windows, and how many they may.
    var unreadBytes = 0
    let unreadLimit: Int

    /// The number of handlers that have not returned, whether or not their call is still open, and how many of them
    /// there may be: a handler may run on for a while when its call has been reset.
    private var runningHandlers = 0
    private let handlerLimit: Int

    private var isClosed = false
    private var knownPaths: [KnownPath] = []

    /// Whether the path of the head that was read last is a known one.
    private var isPathKnown = false
    private let logger: Logger
    private let malformedLog: LogThrottle

    init(
        handler: any CallHandler, peer: Peer, limits: GRPCLimits, logger: Logger,
        malformedLog: LogThrottle = LogThrottle(burst: 1),
        onRefusal: @escaping @Sendable () -> Void = {}, onEnd: @escaping @Sendable () -> Void
    ) {
        self.handler = handler
        messageLimit = limits.maximumMessageSize
        headerListLimit = limits.http2.maximumHeaderListSize
        isStrictOnFields = limits.isStrictOnFields
        unreadLimit = max(limits.maximumUnreadBytes, limits.maximumMessageSize)
        handlerLimit = 2 * limits.http2.maximumConcurrentStreams
        self.logger = logger
        self.malformedLog = malformedLog
        self.peer = peer
        self.onRefusal = onRefusal
        self.onEnd = onEnd
    }

    // MARK: Requests

    /// The head that is being read.
    let head = RequestHead()

    var hasRoom: Bool { runningHandlers < handlerLimit }

    var answerToHTTP1: String { TextAnswer.http1 }

    func headReceived(
        _ field: FieldName?, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>,
        scratch: LoopScratch
    ) -> Bool {
        switch field {
        case nil, .host: return head.add(name: name, value: value, scratch: scratch)
        case .some(let field):
            head.add(field, value, server: self)
            return true
        }
    }

    func headTooLong() { head.fault = headersTooLong }

    /// The error of a call whose head or trailers are too long.
    var headersTooLong: MicroError {
        MicroError(
            .resourceExhausted, "The call's header fields take more than \(headerListLimit) bytes.")
    }

    func discardHead() { head.reset() }

    func makeStream(on connection: HTTP2Connection) -> HTTP2Stream {
        ServerStream(connection: connection, server: self, isExcused: head.isCall && !isStrictOnFields)
    }

    /// Says that a request was refused since it is malformed; not more often than the listener's log can bear.
    func reportMalformed(_ violation: RequestViolation, path: String) {
        malformedLog.admit { suppressed in
            logger.warning(
                "A request was refused, since it is malformed (RFC 9113, section 8).",
                metadata: [
                    "reason": "\(violation)", "url.path": "\(path.printable(limit: 100))",
                    "client.address": "\(peer.address)", "suppressed": "\(suppressed)",
                ])
        }
    }

    func connectionRefused(_ offence: FloodGuard.Offence) {
        onRefusal()
        logger.info(
            "Connection refused",
            metadata: ["reason": "\(offence.rawValue)", "client.address": "\(peer.address)"])
    }

    func connectionSecured(by peerIdentities: [String]) {
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
            Give the endpoint the executionPolicy .globalPool, or let it suspend.
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

    // A client that goes away opens no more streams, and finds out itself.
    func connectionBecameUnusable() {}

    func connectionClosed(_ connection: HTTP2Connection, reason: String) {
        isClosed = true
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
