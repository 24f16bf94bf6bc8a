import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// Frames on streams that are closed, and on lower numbers (RFC 9113, sections 5.1 and 5.1.1).
///
/// There is a case for each way in which a stream can have been closed. `docs/HTTP2.md` has the table.
@Suite(.timeLimit(.minutes(2))) struct ClosedStreamTests {
    /// Why a server has no stream 3.
    enum Closed: String, CaseIterable, CustomTestStringConvertible {
        case answered, resetByTheClient, resetByTheServer, refused, passedOver

        var testDescription: String { rawValue }
    }

    /// What comes on it.
    enum Late: String, CaseIterable, CustomTestStringConvertible {
        case data, request, trailers, windowUpdate, reset, priority, unknown

        var testDescription: String { rawValue }

        func frame(_ stream: UInt32) -> Frame {
            switch self {
            case .data: .data(framed([1]), stream: stream, ends: true)
            case .request: .request(stream, "/test.Test/Echo")
            case .trailers: .headers([("x", "y")], stream: stream, ends: true)
            case .windowUpdate: .windowUpdate(1, stream: stream)
            case .reset: .reset(ErrorCode.cancel, stream: stream)
            case .priority: Frame(.priority, stream: stream, [0, 0, 0, 0, 1])
            case .unknown: Frame(type: 0xFA, flags: 0, stream: stream, payload: [1])
            }
        }
    }

    private func close(_ closed: Closed, _ connection: RawConnection) async throws {
        switch closed {
        case .answered: #expect(try await connection.call(stream: 3)["grpc-status"] == "0")
        case .resetByTheClient:
            try await connection.send(.request(3), .reset(ErrorCode.cancel, stream: 3))
            // Once this is answered, both have come.
            #expect(try await connection.call(stream: 5)["grpc-status"] == "0")
        case .resetByTheServer:
            let malformed = RawConnection.request("/test.Test/Echo", more: [("Upper", "x")])
            try await connection.send(.headers(malformed, stream: 3))
            #expect(try await connection.answer(on: 3).reset == ErrorCode.protocolError)
        case .refused:
            try await connection.send(.request(1), .request(3))
            #expect(try await connection.answer(on: 3).reset == ErrorCode.refusedStream)
            try await connection.send(.reset(ErrorCode.cancel, stream: 1))
        case .passedOver: #expect(try await connection.call(stream: 5)["grpc-status"] == "0")
        }
    }

    /// A server drops all of them: it can't tell a mistake from what crossed a RST_STREAM of its own.
    @Test(arguments: Closed.allCases, Late.allCases)
    func aServerDropsFramesOnClosedStreams(_ closed: Closed, _ late: Late) async throws {
        try await withTestServer(.init(maximumConcurrentStreams: closed == .refused ? 1 : 100)) { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await close(closed, connection)
            let started = listening.server.started
            try await connection.send(late.frame(3))
            // Behind it, the table of fields is right and the connection goes on.
            let answer = try await connection.call(stream: 1001)
            #expect(answer["grpc-status"] == "0")
            #expect(answer.body == framed([1, 2, 3]))
            #expect(listening.server.started == started + 1)
            await connection.close()
            try await eventually("the handlers to end") { listening.server.running == 0 }
        }
    }

    /// What is dropped gives its room in the connection's window back.
    @Test func dataOnAClosedStreamCostsNoWindow() async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await close(.resetByTheServer, connection)
            // More than the connection's window of 4 MiB, as far as that is open.
            var window = 4 << 20
            for _ in 0..<600 {
                while window < 16384,
                    let update = try await connection.frame(where: { $0.kind == .windowUpdate })
                {
                    if update.stream == 0 { window += Int(update.number(at: 0)) }
                }
                try await connection.send(.data([UInt8](repeating: 0, count: 16384), stream: 3))
                window -= 16384
            }
            #expect(try await connection.call(stream: 1001)["grpc-status"] == "0")
            await connection.close()
        }
    }

    @Test(arguments: Closed.allCases)
    func aBlockCannotGoOnOnAClosedStream(_ closed: Closed) async throws {
        try await withTestServer(.init(maximumConcurrentStreams: closed == .refused ? 1 : 100)) { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await close(closed, connection)
            try await connection.send(Frame(.continuation, flags: Frame.endHeaders, stream: 3))
            let goAway = try await connection.frame { $0.kind == .goAway }
            #expect(goAway?.number(at: 4) == ErrorCode.protocolError)
            #expect(try await connection.ends())
            await connection.close()
        }
    }

    /// Why a client has no stream 1.
    enum Done: String, CaseIterable, CustomTestStringConvertible {
        case answered, resetByTheServer, resetByTheClient

        var testDescription: String { rawValue }
    }

    @Test(arguments: Done.allCases, Late.allCases)
    func aClientDropsFramesOnClosedStreams(_ done: Done, _ late: Late) async throws {
        let server = try await RawListener.open()
        let connection = try await HTTP2Transport().connect(
            to: Node(id: "raw-1", address: "\(server.address)"), as: .host("localhost"))
        let peer = try await server.accept()
        try await peer.greetAsServer()
        async let first = failure {
            _ = try await connection.unary(CallHead(path: "/test.Test/Echo"), EncodedMessage([1]))
        }
        _ = try await peer.frame { $0.kind == .data && $0.stream == 1 }
        switch done {
        case .answered: try await peer.send(ClientRule.answer(1).flatMap(\.bytes))
        case .resetByTheServer: try await peer.send(.reset(ErrorCode.cancel, stream: 1))
        case .resetByTheClient:
            try await peer.send(.headers([(":status", "200"), ("Upper", "x")], stream: 1))
            _ = try await peer.frame { $0.kind == .reset }
        }
        let error = try await first
        #expect((error == nil) == (done == .answered))
        // A server makes no requests, on whatever number.
        if late != .request { try await peer.send(late.frame(1)) }
        async let second = failure {
            _ = try await connection.unary(CallHead(path: "/test.Test/Echo"), EncodedMessage([1]))
        }
        _ = try await peer.frame { $0.kind == .data && $0.stream == 3 }
        try await peer.send(ClientRule.answer(3).flatMap(\.bytes))
        #expect(try await second == nil)
        await connection.close(deadline: .now)
        await peer.close()
        await server.close()
    }
}
