import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// Peers that are gone without a word.
@Suite(.timeLimit(.minutes(2))) struct KeepaliveTests {
    private var configuration: HTTP2Transport.Configuration {
        var configuration = HTTP2Transport.Configuration()
        configuration.serverKeepaliveInterval = .milliseconds(100)
        configuration.clientKeepaliveInterval = .milliseconds(100)
        configuration.keepaliveTimeout = .milliseconds(400)
        return configuration
    }

    @Test func aSilentClientIsClosed() async throws {
        let server = TestServer()
        let listener = try await HTTP2Transport(configuration: configuration).listen(
            on: .host("127.0.0.1", port: 0), handler: server)
        for opening in [[], Frame.opening] as [[UInt8]] {
            let connection = try await RawConnection.connect(to: listener.address)
            if !opening.isEmpty {
                try await connection.send(opening)
                try await connection.send(.headers(RawConnection.request("/test.Test/Deaf"), stream: 1))
                try await eventually("the handler to run") { server.running == 1 }
                _ = try #require(try await connection.frame { $0.kind == .ping })
            }
            // One that has not even begun to speak HTTP/2 gets no frames.
            #expect(try await connection.ends())
            try await eventually("the handler to end") { server.running == 0 }
            await connection.close()
        }
        await listener.shutdown(deadline: .now)
    }

    @Test func aClientThatAnswersStays() async throws {
        var configuration = configuration
        configuration.keepaliveTimeout = .seconds(60)
        let listener = try await HTTP2Transport(configuration: configuration).listen(
            on: .host("127.0.0.1", port: 0), handler: TestServer())
        let connection = try await RawConnection.open(to: listener.address)
        for _ in 0..<8 {
            let ping = try #require(try await connection.frame { $0.kind == .ping })
            try await connection.send(Frame(.ping, flags: Frame.ack, ping.payload))
        }
        #expect(try await connection.call()["grpc-status"] == "0")
        await connection.close()
        await listener.shutdown(deadline: .now)
    }

    @Test func aSilentServerIsGivenUp() async throws {
        let server = try await RawListener.open()
        let connection = try await HTTP2Transport(configuration: configuration).connect(
            to: Node(id: "x-1", address: "\(server.address)"), as: .host("localhost"))
        let peer = try await server.accept()
        let error = try await failure {
            _ = try await connection.unary(CallHead(path: "/test.Test/Echo"), EncodedMessage())
        }
        #expect(error?.status == .unavailable)
        #expect(error?.processed == .maybe)
        #expect(!connection.isUsable)
        #expect(try await peer.ends())
        await connection.close(deadline: .now)
        await peer.close()
        await server.close()
    }

    @Test func callsOnBothSidesEndAtTheirDeadline() async throws {
        let server = try await RawListener.open()
        let connection = try await HTTP2Transport().connect(
            to: Node(id: "x-1", address: "\(server.address)"), as: .host("localhost"))
        let peer = try await server.accept()
        let head = CallHead(path: "/test.Test/Echo", deadline: .now + .seconds(1))
        let error = try await failure { _ = try await connection.unary(head, EncodedMessage()) }
        #expect(error?.status == .deadlineExceeded)
        #expect(error?.processed == .maybe)
        _ = try await peer.bytes(Frame.preface.count)
        let reset = try #require(try await peer.frame { $0.kind == .reset })
        #expect(reset.number(at: 0) == ErrorCode.cancel)
        await connection.close(deadline: .now)
        await peer.close()
        await server.close()
    }
}
