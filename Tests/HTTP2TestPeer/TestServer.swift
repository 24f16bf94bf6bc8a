package import MicroCore
package import MicroTransportHTTP2
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A listener with a few endpoints, which counts its handlers.
///
/// `/test.Test/Echo` is unary; `/test.Test/Hang` waits until it is cancelled; `/test.Test/Stream` sends
/// back each message; `/test.Test/Many` sends messages of 64 KiB until it is stopped.
package final class TestServer: CallHandler {
    private struct State {
        var running = 0
        var started = 0
        var cancelled = 0
        var sent = 0
        var received = 0
        var heads: [CallHead] = []
    }

    private let state = Mutex(State())
    private let executionPolicy: ExecutionPolicy

    package init(_ executionPolicy: ExecutionPolicy.Choice = .automatic) {
        self.executionPolicy = ExecutionPolicy(executionPolicy)
    }

    /// The number of handlers that run.
    package var running: Int { state.withLock(\.running) }

    /// The number of handlers that ever ran.
    package var started: Int { state.withLock(\.started) }

    /// The number of handlers that were cancelled.
    package var cancelled: Int { state.withLock(\.cancelled) }

    /// How many messages were sent by `Many`.
    package var sent: Int { state.withLock(\.sent) }

    /// How many messages were received by `Stream`.
    package var received: Int { state.withLock(\.received) }

    /// The heads of all calls.
    package var heads: [CallHead] { state.withLock(\.heads) }

    package func accept(_ head: CallHead) -> CallDecision {
        state.withLock { $0.heads.append(head) }
        switch head.path {
        case "/test.Test/Echo":
            return .unary(
                { (_, message) async throws(MicroError) in
                    self.begin()
                    defer { self.end() }
                    return UnaryReply(message)
                }, executionPolicy)
        case "/test.Test/Hang":
            return .unary(
                { (_, message) async throws(MicroError) in
                    try await self.hang()
                    return UnaryReply(message)
                }, executionPolicy)
        case "/test.Test/Stream":
            return .stream(
                { (_, stream) async throws(MicroError) in try await self.echo(stream) }, executionPolicy)
        case "/test.Test/Many":
            return .serverStream(
                { (_, _, stream) async throws(MicroError) in try await self.sendMany(stream) },
                executionPolicy)
        case "/test.Test/Deaf":
            return .stream(
                { (_, _) async throws(MicroError) in
                    try await self.hang()
                    return [:]
                }, executionPolicy)
        default:
            return .refuse(MicroError(.unimplemented, "There is no \(head.path)."))
        }
    }

    private func begin() {
        state.withLock { state in
            state.running += 1
            state.started += 1
        }
    }

    private func end() { state.withLock { $0.running -= 1 } }

    private func hang() async throws(MicroError) {
        begin()
        defer { end() }
        do {
            try await Task.sleep(for: .seconds(600))
        } catch {
            state.withLock { $0.cancelled += 1 }
            throw MicroError(.cancelled, "The handler was cancelled.")
        }
    }

    private func echo(_ stream: any ServerCallStream) async throws(MicroError) -> Metadata {
        begin()
        defer { end() }
        while let message = try await stream.receive() {
            state.withLock { $0.received += 1 }
            try await stream.send(message)
        }
        return [:]
    }

    private func sendMany(_ stream: any ServerCallStream) async throws(MicroError) -> Metadata {
        begin()
        defer { end() }
        let message = EncodedMessage([UInt8](repeating: 7, count: 64 << 10))
        while !Task.isCancelled {
            try await stream.send(message)
            state.withLock { $0.sent += 1 }
        }
        return [:]
    }
}

/// A test server that listens.
package struct Listening {
    package let server: TestServer
    package let listener: any Listener

    package var address: ListenAddress { listener.address }
    package var node: Node { Node(id: "test-1", address: address.description) }
}

/// Runs a test against a server, and checks that the server works until the end and leaves nothing.
package func withTestServer(
    _ configuration: HTTP2Transport.Configuration = .init(),
    executionPolicy: ExecutionPolicy.Choice = .automatic,
    _ body: (Listening) async throws -> Void
) async throws {
    let server = TestServer(executionPolicy)
    let transport = HTTP2Transport(configuration: configuration)
    let listener = try await transport.listen(on: .host("127.0.0.1", port: 0), handler: server)
    let listening = Listening(server: server, listener: listener)
    do {
        let neighbour = try await transport.connect(to: listening.node, as: .host("localhost"))
        try await expectWorks(neighbour)
        try await body(listening)
        // A connection from before still works, and new ones do.
        try await expectWorks(neighbour)
        let newcomer = try await transport.connect(to: listening.node, as: .host("localhost"))
        try await expectWorks(newcomer)
        await neighbour.close(deadline: .now)
        await newcomer.close(deadline: .now)
    } catch {
        await listener.shutdown(deadline: .now)
        throw error
    }
    await listener.shutdown(deadline: .now)
    guard server.running == 0 else { throw Waited(for: "all handlers to end") }
}

/// Makes a call that must succeed.
package func expectWorks(_ connection: any Connection) async throws {
    let reply = try await connection.unary(CallHead(path: "/test.Test/Echo"), EncodedMessage([1, 2, 3]))
    guard reply.message == EncodedMessage([1, 2, 3]) else { throw Waited(for: "the right echo") }
}

/// Returns the error that a call ends with.
package func failure(_ body: () async throws -> Void) async throws -> MicroError? {
    do {
        try await body()
        return nil
    } catch let error as MicroError {
        return error
    }
}
