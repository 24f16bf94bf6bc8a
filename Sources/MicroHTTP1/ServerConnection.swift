import MicroCore
import MicroNIO
import MicroPluginKit
import NIOCore
import NIOHTTP1

/// One connection of a server: puts requests together, has them answered in turn, and keeps the bounds.
///
/// All of it is confined to the connection's event loop.
final class ServerConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// What a connection does, for the decision which one makes way for another one.
    enum Activity {
        /// Its next request is awaited.
        case idle
        /// A request's header is there, and its body arrives, or should.
        case receiving
        /// A request is being answered.
        case busy
    }

    private enum Phase {
        /// No request's header has arrived.
        case idle
        /// A part of a request's body exceeds the budget, and waits.
        case blocked(HTTPRequestHead, ByteBuffer)
        /// A request's header is there, and its body arrives.
        case receiving(HTTPRequestHead)
        /// A request is being answered; what arrives meanwhile waits.
        case answering(HTTPRequestHead)
        /// An answer is being written, as fast as the peer reads; what arrives meanwhile waits.
        case writing
        /// The last answer was written, and the rest is thrown away.
        case closing
    }

    private let channel: any Channel
    private let limits: HTTP1Limits
    private let handler: HTTP1Server.Handler
    private let budget: HTTP1Server.BudgetChoice
    private let onActivity: (Activity) -> Void
    private let onEnd: () -> Void
    private let peer: String

    /// The peer's address without its port, whose share of the budget counts.
    private let peerHost: String

    private var phase = Phase.idle
    private var body: [UInt8] = []

    /// What had been read already when reading was paused.
    private var waiting = FIFO<HTTPServerRequestPart>()
    private var isReading = true

    /// The budget of the request's body.
    private var place: (budget: HTTP1BodyBudget, number: Int)?

    /// When the request's body must be there, and how much of it has come since the timer was set.
    private var bodyDeadline = NIODeadline.distantFuture
    private var recentBytes = 0
    private var blockedSince = NIODeadline.distantPast
    private var timer: Scheduled<Void>?
    private var task: Task<Void, Never>?
    private var isOpen = true
    private var isDraining = false

    init(
        _ channel: any Channel, limits: HTTP1Limits, budget: @escaping HTTP1Server.BudgetChoice,
        handler: @escaping HTTP1Server.Handler, onActivity: @escaping (Activity) -> Void,
        onEnd: @escaping () -> Void
    ) {
        self.channel = channel
        self.limits = limits
        self.budget = budget
        self.handler = handler
        self.onActivity = onActivity
        self.onEnd = onEnd
        let address = channel.remoteAddress
        peerHost = address?.ipAddress ?? "unknown"
        peer = address?.ipAddress.map { HostPort.join($0, address?.port ?? 0) } ?? "unknown"
    }

    func channelActive(context: ChannelHandlerContext) {
        arm(limits.firstHeaderTimeout)
        context.fireChannelActive()
    }

    /// Takes leave of the channel, which may have been closed before it was active.
    func ended() {
        isOpen = false
        timer?.cancel()
        task?.cancel()
        if task == nil {
            leaveBudget()
            onEnd()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        guard isPaused else { return take(part) }
        waiting.append(part)
        setReading(false)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch (phase, error) {
        case (.idle, let error as HTTPParserError), (.receiving, let error as HTTPParserError):
            refuse(error == .headerOverflow ? 431 : 400)
        case (.closing, is HTTPParserError):
            // What follows a refusal need not make sense.
            break
        default:
            channel.close(promise: nil)
        }
    }

    /// Finishes what is being answered, and closes.
    func drain() {
        isDraining = true
        switch phase {
        case .idle, .blocked, .receiving: channel.close(promise: nil)
        case .answering, .writing, .closing: break
        }
    }

    /// Cancels the handler and closes.
    func terminate() {
        task?.cancel()
        channel.close(promise: nil)
    }

    private func take(_ part: HTTPServerRequestPart) {
        switch (part, phase) {
        case (.head(let head), .idle):
            begin(head)
        case (.body(let bytes), .receiving):
            receive(bytes)
        case (.end, .receiving(let head)):
            answer(head)
        default:
            // What follows a refusal; the connection is being closed.
            break
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        phase = .receiving(head)
        onActivity(.receiving)
        guard announcedLength(head) <= limits.maximumBodySize else { return refuse(413) }
        body = []
        bodyDeadline = .now() + TimeAmount(limits.bodyTimeout)
        armForBody()
        guard head.headers.first(name: "expect")?.lowercased() == "100-continue" else { return }
        let part = HTTPServerResponsePart.head(HTTPResponseHead(version: .http1_1, status: .continue))
        channel.writeAndFlush(part, promise: nil)
    }

    private func announcedLength(_ head: HTTPRequestHead) -> Int {
        head.headers.first(name: "content-length").map { Int($0) ?? .max } ?? 0
    }

    /// Takes a part of a body, once there is room for it.
    private func receive(_ bytes: ByteBuffer) {
        guard case .receiving(let head) = phase else { return }
        guard bytes.readableBytes <= limits.maximumBodySize - body.count else { return refuse(413) }
        let (budget, number) = place ?? enterBudget(head)
        let loop = channel.eventLoop
        let connection = NIOLoopBound(self, eventLoop: loop)
        let isInside = budget.take(bytes.readableBytes, for: number) {
            loop.execute { connection.value.entered() }
        }
        if isInside { return keep(bytes) }
        // The peer can't send meanwhile, so its time stands still.
        timer?.cancel()
        blockedSince = .now()
        phase = .blocked(head, bytes)
        setReading(false)
    }

    private func keep(_ bytes: ByteBuffer) {
        body.append(contentsOf: bytes.readableBytesView)
        recentBytes += bytes.readableBytes
    }

    /// There is room now for what waited.
    private func entered() {
        guard isOpen, case .blocked(let head, let bytes) = phase else { return }
        phase = .receiving(head)
        bodyDeadline = bodyDeadline + (NIODeadline.now() - blockedSince)
        keep(bytes)
        armForBody()
        takeWaiting()
    }

    private func enterBudget(_ head: HTTPRequestHead) -> (budget: HTTP1BodyBudget, number: Int) {
        let budget = budget(head.uri)
        let place = (budget: budget, number: budget.enter(from: peerHost))
        self.place = place
        return place
    }

    private func leaveBudget() {
        if let (budget, number) = place { budget.leave(number) }
        place = nil
    }

    private func answer(_ head: HTTPRequestHead) {
        phase = .answering(head)
        onActivity(.busy)
        timer?.cancel()
        if let (budget, number) = place { budget.complete(number) }
        let request = HTTP1Request(
            method: head.method.rawValue, target: head.uri, headers: HTTP1Fields(head.headers), body: body,
            peer: peer)
        body = []
        let connection = NIOLoopBound(self, eventLoop: channel.eventLoop)
        let (handler, loop) = (handler, channel.eventLoop)
        // The one task of the request. Detached, since the read that starts it belongs to no caller whose priority or
        // values it could inherit. It is held here, cancelled with the connection, which counts as open until it has ended.
        task = Task.detached {
            let response = await handler(request)
            loop.execute { connection.value.finish(response) }
        }
    }

    private func finish(_ response: HTTP1Response) {
        task = nil
        leaveBudget()
        guard isOpen else { return onEnd() }
        guard case .answering(let head) = phase else { return }
        let keepsAlive = head.isKeepAlive && !isDraining
        write(response, to: head, keepsAlive: keepsAlive)
        if !keepsAlive { takeWaiting() }
    }

    /// The peer has an answer, as far as this machine can tell: goes on with its next request.
    ///
    /// A peer that asks on without reading would otherwise have all its answers wait in memory.
    private func written() {
        guard isOpen, case .writing = phase else { return }
        guard !isDraining else { return channel.close(promise: nil) }
        phase = .idle
        onActivity(.idle)
        arm(limits.serverIdleTimeout)
        takeWaiting()
    }

    /// Goes on with what was read already, and reads on when nothing is left of it.
    private func takeWaiting() {
        while !isPaused, let part = waiting.popFirst() { take(part) }
        if case .blocked = phase { return }
        setReading(waiting.isEmpty)
    }

    /// Whether what arrives has to wait.
    private var isPaused: Bool {
        switch phase {
        case .blocked, .answering, .writing: true
        case .idle, .receiving, .closing: false
        }
    }

    private func refuse(_ status: Int) {
        leaveBudget()
        var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/")
        if case .receiving(let received) = phase { head = received }
        let text = Array("\(status) \(StatusText.of(status))\n".utf8)
        write(
            HTTP1Response(status: status, headers: ["Content-Type": "text/plain"], body: text), to: head,
            keepsAlive: false)
    }

    private func write(_ response: HTTP1Response, to request: HTTPRequestHead, keepsAlive: Bool) {
        var headers = response.headers
        headers["Content-Length"] = "\(response.body.count)"
        if !keepsAlive { headers["Connection"] = "close" }
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: response.status),
            headers: headers.headers)
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        if request.method != .HEAD, !response.body.isEmpty {
            let body = channel.allocator.buffer(bytes: response.body)
            channel.write(HTTPServerResponsePart.body(.byteBuffer(body)), promise: nil)
        }
        let end = HTTPServerResponsePart.end(nil)
        if keepsAlive {
            phase = .writing
            // It makes way for others once the answer is written.
            onActivity(.idle)
            arm(limits.answerTimeout)
            let connection = NIOLoopBound(self, eventLoop: channel.eventLoop)
            return channel.writeAndFlush(end).whenComplete { _ in connection.value.written() }
        }
        channel.writeAndFlush(end, promise: nil)
        phase = .closing
        timer?.cancel()
        channel.closeLingering(timeout: TimeAmount(limits.serverIdleTimeout))
    }

    private func setReading(_ isReading: Bool) {
        guard isReading != self.isReading else { return }
        self.isReading = isReading
        channel.setOption(.autoRead, value: isReading).whenFailure { _ in }
    }

    /// Closes the connection after a while, unless it gets on.
    private func arm(_ timeout: Duration) {
        timer?.cancel()
        let connection = NIOLoopBound(self, eventLoop: channel.eventLoop)
        timer = channel.eventLoop.scheduleTask(in: TimeAmount(timeout)) { connection.value.timedOut() }
    }

    /// Looks after a while whether the body gets on as fast as it must.
    private func armForBody() {
        recentBytes = 0
        let left = bodyDeadline - .now()
        arm(min(limits.bodyRateInterval, .nanoseconds(max(left.nanoseconds, 1))))
    }

    private func timedOut() {
        switch phase {
        case .receiving where recentBytes >= limits.minimumBodyBytes && bodyDeadline > .now(): armForBody()
        case .receiving: refuse(408)
        case .idle, .writing, .closing: channel.close(promise: nil)
        case .blocked, .answering: break
        }
    }
}
