import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// Calls that one side gives up.
@Suite(.timeLimit(.minutes(2))) struct CancellationTests {
    @Test(arguments: [ExecutionPolicy.Choice.inPlace, .globalPool])
    func aResetCancelsTheHandler(_ executionPolicy: ExecutionPolicy.Choice) async throws {
        try await withTestServer(executionPolicy: executionPolicy) { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await connection.send(.windowUpdate(1 << 30, stream: 0))
            for (index, path) in ["Hang", "Deaf", "Stream", "Many"].enumerated() {
                let stream = UInt32(2 * index + 1)
                try await connection.send(
                    .headers(RawConnection.request("/test.Test/\(path)"), stream: stream),
                    .data(framed([1]), stream: stream))
                try await eventually("the handler to run") { listening.server.running == 1 }
                try await connection.send(.reset(ErrorCode.cancel, stream: stream))
                try await eventually("the handler to end") { listening.server.running == 0 }
            }
            #expect(listening.server.cancelled == 2)
            #expect(try await connection.call(stream: 101)["grpc-status"] == "0")
            await connection.close()
        }
    }

    @Test(arguments: [ExecutionPolicy.Choice.inPlace, .globalPool])
    func aLostConnectionCancelsItsHandlers(_ executionPolicy: ExecutionPolicy.Choice) async throws {
        try await withTestServer(executionPolicy: executionPolicy) { listening in
            let connection = try await RawConnection.open(to: listening.address)
            for (index, path) in ["Hang", "Deaf", "Stream", "Many"].enumerated() {
                let stream = UInt32(2 * index + 1)
                try await connection.send(
                    .headers(RawConnection.request("/test.Test/\(path)"), stream: stream),
                    .data(framed([1]), stream: stream))
            }
            // The last call ends in the middle of a body.
            try await connection.send(.headers(RawConnection.request("/test.Test/Echo"), stream: 9))
            try await connection.send(Frame(.data, stream: 9).head(length: 100) + [0, 0, 0, 0, 50])
            try await eventually("the handlers to run") { listening.server.running == 4 }
            await connection.close()
            try await eventually("the handlers to end") { listening.server.running == 0 }
        }
    }

    /// Calls are begun and reset as fast as the client can, which ends its connection.
    @Test func rapidResetsLeaveNothing() async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            let fields = RawConnection.request("/test.Test/Deaf")
            let calls = (0..<2000).flatMap { index in
                let stream = UInt32(2 * index + 1)
                return Frame.headers(fields, stream: stream).bytes
                    + Frame.reset(ErrorCode.cancel, stream: stream).bytes
            }
            // The server may close before it has taken all.
            try? await connection.send(calls)
            #expect(try await connection.ends())
            await connection.close()
            try await eventually("the handlers to end") { listening.server.running == 0 }
        }
    }

    @Test func callsThatWaitForAStreamCanBeCancelled() async throws {
        try await withTestServer(.init(maximumConcurrentStreams: 1)) { listening in
            let connection = try await HTTP2Transport().connect(to: listening.node, as: .host("localhost"))
            // The limit is known once an answer is here.
            try await expectWorks(connection)
            let open = try await connection.open(CallHead(path: "/test.Test/Stream"))
            try await open.send(EncodedMessage([1]))
            #expect(try await open.receive() != nil)

            let waiting = try await connection.open(CallHead(path: "/test.Test/Deaf"))
            try await waiting.finish()
            waiting.cancel()
            let error = try await failure { _ = try await waiting.receive() }
            #expect(error?.status == .cancelled)
            #expect(error?.processed == .no)
            async let late: Void = expectWorks(connection)
            try await open.finish()
            #expect(try await open.receive() == nil)
            try await late
            #expect(!listening.server.heads.contains { $0.path == "/test.Test/Deaf" })
            #expect(connection.activeCalls == 0)
            await connection.close(deadline: .now)
        }
    }
}
