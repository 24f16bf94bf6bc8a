import MicroHTTP2
import MicroNIO
import NIOCore
import NIOPosix
import Synchronization

/// A server of plain HTTP/2 on the library alone.
///
/// `GET /hello` answers with a text, `GET /bytes/N` with so many bytes, `POST /echo` sends the body back as it comes,
/// with its length in a trailer, and `/reset` resets the stream. Requests of the content type `application/lenient`
/// are excused from what HTTP/2 forbids leniently: the content type decides which kind of stream serves a request.
final class PlainServer: Sendable {
    private struct State {
        var connections: [NIOLoopBound<HTTP2Connection>] = []
        var closed = 0
    }

    private let channel: any Channel
    private let state: Shared

    var port: Int { channel.localAddress?.port ?? 0 }

    /// The number of connections that are closed.
    var closed: Int { state.value.withLock(\.closed) }

    /// What is shared with the connections.
    private final class Shared: Sendable {
        let value = Mutex(State())
    }

    private init(_ channel: any Channel, _ state: Shared) {
        self.channel = channel
        self.state = state
    }

    static func open(_ limits: HTTP2Limits = HTTP2Limits()) async throws -> PlainServer {
        let state = Shared()
        let channel = try await ServerBootstrap(group: EventLoops.group)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let delegate = PlainDelegate { state.value.withLock { $0.closed += 1 } }
                    let connection = try HTTP2Connection(
                        serving: delegate, limits: limits, loop: channel.eventLoop)
                    state.value.withLock {
                        $0.connections.append(NIOLoopBound(connection, eventLoop: channel.eventLoop))
                    }
                    try channel.pipeline.syncOperations.addHandler(connection)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return PlainServer(channel, state)
    }

    /// Calls a closure with each connection, on its loop, and returns what it returns.
    func onConnections<Value: Sendable>(
        _ body: @escaping @Sendable (HTTP2Connection) -> Value
    ) async throws -> [Value] {
        var values: [Value] = []
        for connection in state.value.withLock(\.connections) {
            values.append(try await connection.eventLoop.submit { body(connection.value) }.get())
        }
        return values
    }

    func close() async throws {
        try await channel.close().get()
        _ = try await onConnections { $0.terminate("The test is over.") }
    }
}

/// What serves the requests of one connection.
private final class PlainDelegate: HTTP2ServerDelegate {
    private var head = FieldBlock()
    private var isTooLong = false
    private let onClose: @Sendable () -> Void

    init(onClose: @escaping @Sendable () -> Void) { self.onClose = onClose }

    var hasRoom: Bool { true }

    var answerToHTTP1: String {
        "HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    }

    func headReceived(
        _ field: FieldName?, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>,
        scratch: LoopScratch
    ) -> Bool {
        head.add(name: name, value: value)
        return false
    }

    func headTooLong() { isTooLong = true }

    func discardHead() {
        head = FieldBlock()
        isTooLong = false
    }

    func makeStream(on connection: HTTP2Connection) -> HTTP2Stream {
        defer { discardHead() }
        guard !isTooLong else { return TextStream(connection, status: "431", text: "too long\n") }
        let path = head[":path"] ?? ""
        let isExcused = head["content-type"] == "application/lenient"
        switch (head[":method"], path) {
        case ("POST", "/echo"): return EchoStream(connection: connection, isExcused: isExcused)
        case (_, "/reset"): return ResetStream(connection: connection)
        case ("GET", "/hello"): return TextStream(connection, status: "200", text: "hello\n")
        case ("GET", _) where path.hasPrefix("/bytes/"):
            return BytesStream(connection, count: Int(path.dropFirst("/bytes/".count)) ?? 0)
        default: return TextStream(connection, status: "404", text: "not found\n")
        }
    }

    func connectionSecured(by peerIdentities: [String]) {}
    func connectionBecameUnusable() {}
    func connectionRefused(_ offence: FloodGuard.Offence) {}
    func connectionClosed(_ connection: HTTP2Connection, reason: String) { onClose() }
}

/// Answers with a text, whatever comes.
private final class TextStream: HTTP2Stream {
    private let status: String
    private let text: String

    init(_ connection: HTTP2Connection, status: String, text: String) {
        (self.status, self.text) = (status, text)
        super.init(connection: connection)
    }

    override func requestReceived(endsStream: Bool) {
        var head = FieldBlock()
        head.add(":status", status)
        head.add("content-type", "text/plain")
        head.add("content-length", String(text.utf8.count))
        append(Array(text.utf8))
        end(.stream)
        respond(head)
    }
}

/// Sends the body back, and takes no more of it than the client takes back.
private final class EchoStream: HTTP2Stream {
    private var count = 0
    private var unopened = 0

    override func requestReceived(endsStream: Bool) {
        var head = FieldBlock()
        head.add(":status", "200")
        respond(head)
    }

    override func bodyReceived(_ bytes: UnsafeRawBufferPointer, inLastFrame: Bool) {
        count += bytes.count
        unopened += bytes.count
        append(Array(bytes))
        bodyChanged()
        if isBacklogged { awaitRoom() } else { roomAvailable() }
    }

    override func roomAvailable() {
        openWindow(by: unopened)
        unopened = 0
    }

    override func bodyEnded() {
        var trailers = FieldBlock()
        trailers.add("x-count", String(count))
        end(.trailers(trailers))
        bodyChanged()
    }
}

/// Sends bytes as fast as the client takes them.
private final class BytesStream: HTTP2Stream {
    private var left: Int

    init(_ connection: HTTP2Connection, count: Int) {
        left = count
        super.init(connection: connection)
    }

    override func requestReceived(endsStream: Bool) {
        var head = FieldBlock()
        head.add(":status", "200")
        head.add("content-length", String(left))
        respond(head)
        roomAvailable()
    }

    override func roomAvailable() {
        while left > 0, !isBacklogged {
            let count = min(left, 16 << 10)
            append([UInt8](repeating: 7, count: count))
            left -= count
        }
        if left == 0 { end(.stream) } else { awaitRoom() }
        bodyChanged()
    }
}

private final class ResetStream: HTTP2Stream {
    override func requestReceived(endsStream: Bool) { reset(.cancel) }
}
