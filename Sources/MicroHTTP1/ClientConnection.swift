import MicroCore
import MicroTLS
import NIOCore
import NIOHTTP1

/// One connection of a client, on which one request is under way at a time.
///
/// All of it is confined to the connection's event loop.
final class ClientConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// What comes of a request.
    enum Outcome: Sendable {
        case response(HTTP1Response, isReusable: Bool)
        /// The connection was closed before anything was sent.
        case closedBefore
        case failure(reason: String, isSent: Bool)
    }

    private enum Phase {
        case idle
        case waiting(UnsafeContinuation<Outcome, Never>)
        case closed
    }

    private let channel: any Channel
    private let limits: HTTP1Limits
    private let onClose: (any Channel) -> Void

    private var phase = Phase.idle
    private var response: HTTP1Response?
    private var isReusable = true
    private var timer: Scheduled<Void>?

    /// Whether what is written goes to the network: with TLS it waits for the handshake.
    private var isReady: Bool

    init(
        _ channel: any Channel, limits: HTTP1Limits, isEncrypted: Bool,
        onClose: @escaping (any Channel) -> Void
    ) {
        self.channel = channel
        self.limits = limits
        self.onClose = onClose
        isReady = !isEncrypted
    }

    /// Sends a request; the continuation is resumed with what comes of it.
    func begin(
        _ request: HTTP1Request, deadline: NIODeadline, isCancelled: Bool,
        continuation: UnsafeContinuation<Outcome, Never>
    ) {
        timer?.cancel()
        guard case .idle = phase, channel.isActive else {
            return continuation.resume(returning: .closedBefore)
        }
        guard !isCancelled else {
            channel.close(promise: nil)
            return continuation.resume(returning: .failure(reason: "was not asked: cancelled", isSent: false))
        }
        phase = .waiting(continuation)
        response = nil
        let connection = NIOLoopBound(self, eventLoop: channel.eventLoop)
        timer = channel.eventLoop.scheduleTask(deadline: deadline) {
            connection.value.end("did not answer in time")
        }
        write(request)
    }

    /// Gives the request up, whose caller was cancelled.
    func cancel() {
        if case .waiting = phase { end("was not waited for: cancelled") }
    }

    private func write(_ request: HTTP1Request) {
        var headers = request.headers
        headers["Content-Length"] = "\(request.body.count)"
        let head = HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: request.target,
            headers: headers.headers)
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        if !request.body.isEmpty {
            let body = channel.allocator.buffer(bytes: request.body)
            channel.write(HTTPClientRequestPart.body(.byteBuffer(body)), promise: nil)
        }
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is TLSHandshakeCompleted { isReady = true }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .waiting = phase else {
            // A server that speaks without being asked.
            return channel.close(promise: nil)
        }
        switch unwrapInboundIn(data) {
        case .head(let head):
            response = HTTP1Response(status: Int(head.status.code), headers: HTTP1Fields(head.headers))
            isReusable = head.isKeepAlive
        case .body(let bytes):
            let room = limits.maximumBodySize - (response?.body.count ?? 0)
            guard bytes.readableBytes <= room else { return end("answered with too large a body") }
            response?.body.append(contentsOf: bytes.readableBytesView)
        case .end:
            finish()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(error is HTTPParserError ? "did not answer in HTTP: \(error)" : "failed: \(error)")
    }

    func channelInactive(context: ChannelHandlerContext) {
        end("closed the connection")
        onClose(channel)
        context.fireChannelInactive()
    }

    private func finish() {
        guard case .waiting(let continuation) = phase, let response else { return }
        timer?.cancel()
        phase = isReusable ? .idle : .closed
        let channel = channel
        if isReusable {
            timer = channel.eventLoop.scheduleTask(in: TimeAmount(limits.clientIdleTimeout)) {
                channel.close(promise: nil)
            }
        }
        continuation.resume(returning: .response(response, isReusable: isReusable))
    }

    /// Closes the connection; a request that waits has failed.
    private func end(_ reason: String) {
        timer?.cancel()
        if case .waiting(let continuation) = phase {
            continuation.resume(returning: .failure(reason: reason, isSent: isReady))
        }
        phase = .closed
        channel.close(promise: nil)
    }
}
