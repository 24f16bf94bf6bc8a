import HTTP2TestPeer
import MicroCore
import MicroTransportHTTP2
import Testing

/// What must not be sent is refused before it is.
@Suite(.timeLimit(.minutes(2))) struct SendingTests {
    @Test(
        arguments: [
            ["bad name": "x"], ["": "x"], ["x-line": "a\r\nb"], ["x-umlaut": "\u{e4}"], [":path": "/x"],
        ] as [Metadata])
    func metadataThatGRPCForbidsIsRefused(_ metadata: Metadata) async throws {
        try await withTestServer { listening in
            let connection = try await HTTP2Transport().connect(to: listening.node, as: .host("localhost"))
            let head = CallHead(path: "/test.Test/Echo", metadata: metadata)
            let before = listening.server.heads.count
            let error = try await failure { _ = try await connection.unary(head, EncodedMessage()) }
            #expect(error?.status == .invalidArgument)
            #expect(error?.processed == .no)
            #expect(listening.server.heads.count == before)
            try await expectWorks(connection)
            await connection.close(deadline: .now)
        }
    }

    @Test func messagesBeyondTheLimitAreRefused() async throws {
        try await withTestServer { listening in
            let limited = HTTP2Transport(configuration: .init(maximumMessageSize: 1000))
            let connection = try await limited.connect(to: listening.node, as: .host("localhost"))
            let head = CallHead(path: "/test.Test/Echo")
            let long = EncodedMessage([UInt8](repeating: 1, count: 1001))
            let before = listening.server.heads.count
            let error = try await failure { _ = try await connection.unary(head, long) }
            #expect(error?.status == .resourceExhausted)
            #expect(listening.server.heads.count == before)
            let stream = try await connection.open(CallHead(path: "/test.Test/Stream"))
            #expect(try await failure { try await stream.send(long) }?.status == .resourceExhausted)
            // The call itself goes on.
            try await stream.send(EncodedMessage([1, 2, 3]))
            #expect(try await stream.receive() == EncodedMessage([1, 2, 3]))
            stream.cancel()
            try await expectWorks(connection)
            await connection.close(deadline: .now)
        }
    }
}
