import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import SwiftProtobuf
import Testing

/// The end of a listener: calls that run may finish, and new ones are refused.
@Suite(.timeLimit(.minutes(2))) struct DrainTests {
    private let transport = HTTP2Transport()

    @Test func runningCallsFinishAndNewOnesAreRefused() async throws {
        let server = TestServer()
        let listener = try await transport.listen(on: .host("127.0.0.1", port: 0), handler: server)
        let node = Node(id: "test-1", address: "\(listener.address)")
        let connection = try await transport.connect(to: node, as: .host("localhost"))
        let idle = try await transport.connect(to: node, as: .host("localhost"))
        let stream = try await connection.open(CallHead(path: "/test.Test/Stream"))
        try await stream.send(EncodedMessage([1]))
        #expect(try await stream.receive() == EncodedMessage([1]))

        async let shutdown: Void = listener.shutdown(deadline: .now + .seconds(300))
        try await eventually("the connections to be unusable") { !connection.isUsable && !idle.isUsable }
        let refused = try await failure {
            _ = try await connection.unary(CallHead(path: "/test.Test/Echo"), EncodedMessage())
        }
        #expect(refused?.status == .unavailable)
        #expect(refused?.processed == .no)

        try await stream.send(EncodedMessage([2]))
        #expect(try await stream.receive() == EncodedMessage([2]))
        try await stream.finish()
        #expect(try await stream.receive() == nil)
        await shutdown
        #expect(server.running == 0)
        await connection.close(deadline: .now)
        await idle.close(deadline: .now)
    }

    @Test func theGoAwayTellsWhichCallsWereSeen() async throws {
        let server = TestServer()
        let listener = try await transport.listen(on: .host("127.0.0.1", port: 0), handler: server)
        let connection = try await RawConnection.open(to: listener.address)
        let fields = RawConnection.request("/test.Test/Stream")
        try await connection.send(.headers(fields, stream: 1), .data(framed([1]), stream: 1))
        _ = try await connection.frame { $0.kind == .data }
        async let shutdown: Void = listener.shutdown(deadline: .now + .seconds(300))

        let notice = try #require(try await connection.frame { $0.kind == .goAway })
        #expect(notice.number(at: 0) == 0x7FFF_FFFF)
        let ping = try #require(try await connection.frame { $0.kind == .ping })
        // This call crosses the notice, and is served.
        try await connection.send(.headers(RawConnection.request("/test.Test/Stream"), stream: 3))
        try await connection.send(Frame(.ping, flags: Frame.ack, ping.payload))
        let final = try #require(try await connection.frame { $0.kind == .goAway })
        // On a machine that is slow enough, the server stops waiting for the ping before the call comes.
        let last = final.number(at: 0)
        #expect(last == 3 || last == 1)
        #expect(final.number(at: 4) == ErrorCode.none)
        // This one comes too late, and is not even answered.
        try await connection.send(.headers(fields, stream: 5))
        try await connection.send(.data([], stream: 1, ends: true), .data([], stream: 3, ends: true))
        #expect(try await connection.ends())
        await shutdown
        #expect(server.heads.count == (last == 3 ? 2 : 1))
        #expect(server.cancelled == 0)
        await connection.close()
    }

    @Test func aLargeAnswerIsDeliveredToASlowReader() async throws {
        let listener = try await transport.listen(on: .host("127.0.0.1", port: 0), handler: PeerHandler())
        let connection = try await RawConnection.open(to: listener.address)
        // Windows that take the whole answer at once, so that it waits in the socket only.
        try await connection.send(
            Frame(.settings, [0, 4, 0x7F, 0xFF, 0xFF, 0xFF]), .windowUpdate(0x7000_0000, stream: 0))
        _ = try await connection.frame { $0.kind == .settings && $0.has(Frame.ack) }
        try await connection.setReading(false)
        // A little below the limit of a message.
        let size = (4 << 20) - 100
        let request = try EncodedMessage(
            encoding: Peer_StreamRequest.with { ($0.count, $0.size) = (2, UInt32(size)) })
        try await connection.send(
            .headers(RawConnection.request("/peer.Peer/ServerStream"), stream: 1),
            .data(framed(request.bytes), stream: 1, ends: true), Frame(.ping, [1, 2, 3, 4, 5, 6, 7, 8]))
        async let shutdown: Void = listener.shutdown(deadline: .now + .seconds(300))
        try await Task.sleep(for: .milliseconds(300))
        try await connection.setReading(true)
        let answer = try await connection.answer(on: 1)
        #expect(answer.body.count > 2 * size)
        #expect(answer["grpc-status"] == "0")
        #expect(try await connection.ends())
        await shutdown
        await connection.close()
    }

    @Test func whatRemainsAtTheDeadlineIsCancelled() async throws {
        let server = TestServer()
        let listener = try await transport.listen(on: .host("127.0.0.1", port: 0), handler: server)
        let node = Node(id: "test-1", address: "\(listener.address)")
        let connection = try await transport.connect(to: node, as: .host("localhost"))
        async let outcome = failure {
            _ = try await connection.unary(CallHead(path: "/test.Test/Hang"), EncodedMessage())
        }
        try await eventually("the handler to run") { server.running == 1 }
        await listener.shutdown(deadline: .now + .milliseconds(50))
        #expect(server.running == 0)
        #expect(server.cancelled == 1)
        let error = try await outcome
        #expect(error?.status == .unavailable)
        #expect(error?.processed == .maybe)
        await connection.close(deadline: .now)
        // Once more does nothing.
        await listener.shutdown(deadline: .now)
    }

    @Test func cancellingAShutdownMakesItImmediate() async throws {
        let server = TestServer()
        let listener = try await transport.listen(on: .host("127.0.0.1", port: 0), handler: server)
        let connection = try await RawConnection.open(to: listener.address)
        try await connection.send(.headers(RawConnection.request("/test.Test/Deaf"), stream: 1))
        try await eventually("the handler to run") { server.running == 1 }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await listener.shutdown(deadline: .now + .seconds(300)) }
            group.cancelAll()
        }
        #expect(server.running == 0)
        #expect(try await connection.ends())
        await connection.close()
    }

    @Test func clientsDrainTheirConnections() async throws {
        try await withTestServer { listening in
            let connection = try await transport.connect(to: listening.node, as: .host("localhost"))
            let stream = try await connection.open(CallHead(path: "/test.Test/Stream"))
            async let close: Void = connection.close(deadline: .now + .seconds(300))
            try await eventually("the connection to be unusable") { !connection.isUsable }
            try await stream.send(EncodedMessage([1]))
            #expect(try await stream.receive() == EncodedMessage([1]))
            try await stream.finish()
            #expect(try await stream.receive() == nil)
            await close

            let other = try await transport.connect(to: listening.node, as: .host("localhost"))
            let hanging = try await other.open(CallHead(path: "/test.Test/Deaf"))
            try await eventually("the handler to run") { listening.server.running == 1 }
            await other.close(deadline: .now + .milliseconds(20))
            let error = try await failure { _ = try await hanging.receive() }
            #expect(error?.status == .cancelled || error?.status == .unavailable)
            try await eventually("the handler to end") { listening.server.running == 0 }
        }
    }
}
