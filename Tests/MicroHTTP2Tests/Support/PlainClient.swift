import MicroHTTP2
import MicroNIO
import NIOCore
import NIOPosix
import Synchronization

/// What a request got.
struct PlainAnswer: Sendable {
    var head = FieldBlock()
    var body: [UInt8] = []
    var trailers = FieldBlock()

    /// The code of the reset that ended it, if it was not done.
    var reset: HTTP2ErrorCode?

    var status: String? { head[":status"] }
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// A request that was not sent, or lost its connection.
struct PlainFailure: Error {
    var reason: String
}

/// A client of plain HTTP/2 on the library alone.
final class PlainClient: Sendable {
    private let connection: NIOLoopBound<HTTP2Connection>
    private let owner: PlainOwner

    /// Why the connection is closed, once it is.
    var closeReason: String? { owner.reason.withLock { $0 } }

    /// Whether requests can be made.
    var isUsable: Bool { !owner.isUnusable.withLock { $0 } }

    private init(_ connection: NIOLoopBound<HTTP2Connection>, _ owner: PlainOwner) {
        self.connection = connection
        self.owner = owner
    }

    static func connect(toPort port: Int, limits: HTTP2Limits = HTTP2Limits()) async throws -> PlainClient {
        let owner = PlainOwner()
        let opened = EventLoops.currentOrNext.makePromise(of: NIOLoopBound<HTTP2Connection>.self)
        _ = try await ClientBootstrap(group: EventLoops.group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = try HTTP2Connection(
                        client: owner, isSecure: false, limits: limits, loop: channel.eventLoop)
                    try channel.pipeline.syncOperations.addHandler(connection)
                    opened.succeed(NIOLoopBound(connection, eventLoop: channel.eventLoop))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return PlainClient(try await opened.futureResult.get(), owner)
    }

    /// Makes a request, and returns its whole answer.
    func send(
        _ method: String, _ path: String, _ fields: [(String, String)] = [], body: [UInt8]? = nil
    ) async throws -> PlainAnswer {
        let head = Self.head(method, path, fields)
        let connection = connection
        let promise = connection.eventLoop.makePromise(of: PlainAnswer.self)
        connection.eventLoop.execute {
            let http2 = connection.value
            let exchange = PlainExchange(http2, head, body, promise)
            if !http2.isUsable {
                promise.fail(PlainFailure(reason: "The connection takes no more requests."))
            } else if http2.hasFreeStream {
                exchange.turnCame()
            } else if !http2.enqueue(exchange) {
                promise.fail(PlainFailure(reason: "Too many requests wait."))
            }
        }
        return try await promise.futureResult.get()
    }

    private static func head(_ method: String, _ path: String, _ more: [(String, String)]) -> FieldBlock {
        var head = FieldBlock()
        let fields = [
            (":method", method), (":scheme", "http"), (":path", path), (":authority", "test"),
        ]
        for (name, value) in fields + more {
            head.add(name: Array(name.utf8)[...], value: Array(value.utf8)[...])
        }
        return head
    }

    /// Closes behind the requests that run.
    func leave() {
        let connection = connection
        connection.eventLoop.execute { connection.value.leave() }
    }
}

/// What is reported of a client's connection.
private final class PlainOwner: HTTP2ConnectionDelegate, Sendable {
    let reason = Mutex<String?>(nil)
    let isUnusable = Mutex(false)

    func connectionSecured(by peerIdentities: [String]) {}
    func connectionBecameUnusable() { isUnusable.withLock { $0 = true } }
    func connectionClosed(_ connection: HTTP2Connection, reason: String) {
        self.reason.withLock { $0 = reason }
    }
}

/// One request, whose answer is collected.
private final class PlainExchange: HTTP2Stream {
    private let head: FieldBlock
    private let promise: EventLoopPromise<PlainAnswer>
    private var answer = PlainAnswer()
    private var block = FieldBlock()
    private var hasHead = false
    private let hasBody: Bool

    init(
        _ connection: HTTP2Connection, _ head: FieldBlock, _ body: [UInt8]?,
        _ promise: EventLoopPromise<PlainAnswer>
    ) {
        self.head = head
        self.promise = promise
        hasBody = body != nil
        super.init(connection: connection)
        if let body {
            append(body)
            end(.stream)
        }
    }

    override func turnCame() {
        switch connection.submit(head, for: self, hasBody: hasBody) {
        case nil: return
        case .headTooLong(let size, let limit):
            promise.fail(PlainFailure(reason: "The head takes \(size) bytes, beyond \(limit)."))
        case .exhausted: promise.fail(PlainFailure(reason: "The connection is used up."))
        }
    }

    override func failedUnsent(_ reason: String) { promise.fail(PlainFailure(reason: reason)) }

    override func fieldReceived(
        _ field: FieldName?, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
    ) {
        block.add(name: name, value: value)
    }

    override func headersReceived(endsStream: Bool) {
        if hasHead { answer.trailers = block } else { answer.head = block }
        hasHead = block[":status"]?.hasPrefix("1") != true
        block = FieldBlock()
    }

    override func bodyReceived(_ bytes: UnsafeRawBufferPointer, inLastFrame: Bool) {
        answer.body += bytes
        openWindow(by: bytes.count)
    }

    override func closed(_ reason: CloseReason) {
        switch reason {
        case .reset(let code):
            if code != .noError { answer.reset = code }
            promise.succeed(answer)
        case .connectionLost(let reason): promise.fail(PlainFailure(reason: reason))
        }
    }
}
