import HTTP2TestPeer
import MicroCore
import MicroGRPC
import MicroHTTP2
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// Clients that keep us waiting: what waits for them is bounded in size and time.
@Suite(.timeLimit(.minutes(5))) struct SlowPeerTests {
    private var impatient: HTTP2Transport.Configuration {
        var configuration = HTTP2Transport.Configuration()
        configuration.handshakeTimeout = .milliseconds(500)
        configuration.stallTimeout = .milliseconds(300)
        return configuration
    }

    private func expectRefusal(_ connection: RawConnection, _ code: UInt32) async throws {
        let goAway = try await connection.frame { $0.kind == .goAway }
        #expect(goAway?.number(at: 4) == code)
        #expect(try await connection.ends())
        await connection.close()
    }

    @Test(arguments: [[], Array(Frame.preface.prefix(10)), Frame.preface])
    func halfOpenConnectionsAreClosed(_ bytes: [UInt8]) async throws {
        try await withTestServer(impatient) { listening in
            let connection = try await RawConnection.connect(to: listening.address)
            if !bytes.isEmpty { try await connection.send(bytes) }
            try await expectRefusal(connection, ErrorCode.settingsTimeout)
        }
    }

    @Test func halfOpenTLSConnectionsAreClosed() async throws {
        let authority = try await TestCertificates()
        let identity = try await authority.issue(.server)
        var configuration = impatient
        configuration.tls = TLSConfiguration(
            certificateChain: .file(identity.certificatePath), privateKey: .file(identity.keyPath))
        let listener = try await HTTP2Transport(configuration: configuration).listen(
            on: .host("127.0.0.1", port: 0), handler: TestServer())
        let connection = try await RawConnection.connect(to: listener.address)
        #expect(try await connection.bytes(1 << 20) == nil)
        await connection.close()
        await listener.shutdown(deadline: .now)
    }

    @Test(arguments: [
        Frame(.headers, stream: 1, [0x82]).bytes,
        Array(Frame.request(1).bytes.prefix(40)),
        Array(Frame.request(1).bytes.prefix(10)),
    ])
    func headersThatDoNotEnd(_ bytes: [UInt8]) async throws {
        try await withTestServer(impatient) { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await connection.send(bytes)
            try await expectRefusal(connection, ErrorCode.enhanceYourCalm)
        }
    }

    @Test(arguments: [[], [0, 0], framed([1], length: 100)])
    func messagesThatDoNotEnd(_ body: [UInt8]) async throws {
        try await withTestServer(impatient) { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await connection.send(.request(1, "/test.Test/Echo"), .data(body, stream: 1))
            #expect(try await connection.answer(on: 1)["grpc-status"] == "4")
            #expect(try await connection.call(stream: 3)["grpc-status"] == "0")
            await connection.close()
        }
    }

    /// A stream may be silent for as long as it likes, but between messages only.
    @Test func streamsMayWait() async throws {
        try await withTestServer(impatient) { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await connection.send(.request(1, "/test.Test/Stream"), .data(framed([1]), stream: 1))
            try await Task.sleep(for: .milliseconds(800))
            try await connection.send(.data(framed([2]), stream: 1, ends: true))
            #expect(try await connection.answer(on: 1)["grpc-status"] == "0")
            await connection.close()
        }
    }

    @Test func answersThatNobodyTakes() async throws {
        try await withTestServer(impatient) { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await connection.send(.settings((4, 0)))
            try await connection.send(
                .request(1, "/test.Test/Echo"), .data(framed([1, 2, 3]), stream: 1, ends: true))
            let answer = try await connection.answer(on: 1, awaitsReset: true)
            #expect(answer.reset == ErrorCode.enhanceYourCalm)
            // One that is taken bit by bit is waited for.
            try await connection.send(
                .request(3, "/test.Test/Echo"), .data(framed([1, 2, 3]), stream: 3, ends: true))
            for _ in 0..<8 {
                try await Task.sleep(for: .milliseconds(100))
                try await connection.send(.windowUpdate(1, stream: 3))
            }
            #expect(try await connection.answer(on: 3).body == framed([1, 2, 3]))
            await connection.close()
        }
    }

    /// It is the client's time that is bounded, and it begins when the handler is done.
    @Test func clientsHaveTheirTimeBehindSlowHandlers() async throws {
        var configuration = HTTP2Transport.Configuration()
        configuration.stallTimeout = .seconds(1)
        let (inPlace, pool) = (ExecutionPolicy(.inPlace), ExecutionPolicy(.globalPool))
        let handler = ClosureHandler { head in
            .unary(
                { (_, message) async throws(MicroError) in
                    try? await Task.sleep(for: .seconds(3))
                    return UnaryReply(message)
                }, head.path == "/test.Test/InPlace" ? inPlace : pool)
        }
        let listener = try await HTTP2Transport(configuration: configuration).listen(
            on: .host("127.0.0.1", port: 0), handler: handler)
        let connection = try await RawConnection.open(to: listener.address)
        try await connection.send(.settings((4, 0)))
        for (stream, path): (UInt32, String) in [(1, "/test.Test/InPlace"), (3, "/test.Test/Pool")] {
            try await connection.send(
                .request(stream, path), .data(framed([1, 2, 3]), stream: stream, ends: true))
        }
        var endings = 0
        while endings < 2, let frame = try await connection.frame() {
            guard frame.stream > 0 else { continue }
            #expect(frame.kind != .reset)
            if frame.kind == .reset || frame.has(Frame.endStream) { endings += 1 }
            // The head shows that the answer is there, and its body waits for us.
            guard frame.kind == .headers, !frame.has(Frame.endStream) else { continue }
            try await connection.send(.windowUpdate(100, stream: frame.stream))
        }
        await connection.close()
        await listener.shutdown(deadline: .now)
    }

    /// Whoever lets answers pile up gets no new ones until they are taken.
    @Test func waitingAnswersAreBounded() async throws {
        var limits = GRPCLimits()
        limits.http2.maximumWaitingBytes = 100_000
        let server = TestServer()
        let listener = try await GRPCListener.open(
            on: .host("127.0.0.1", port: 0), handler: server, limits: limits, tls: nil)
        let connection = try await RawConnection.open(to: listener.address)
        try await connection.send(.settings((4, 0)))
        let message = framed([UInt8](repeating: 1, count: 16379))
        for index in 0..<8 {
            let stream = UInt32(2 * index + 1)
            try await connection.send(
                .request(stream, "/test.Test/Echo"), .data(message, stream: stream, ends: true))
            // The head of an answer comes once its body waits, and is counted.
            while index < 7, let frame = try await connection.frame() {
                guard frame.kind == .headers else { continue }
                _ = try connection.fields(of: frame)
                if frame.stream == stream { break }
            }
        }
        #expect(try await connection.answer(on: 15, awaitsReset: true).reset == ErrorCode.refusedStream)
        #expect(server.started == 7)
        try await connection.send(.settings((4, 1 << 20)), .windowUpdate(1 << 20, stream: 0))
        #expect(try await connection.answer(on: 13)["grpc-status"] == "0")
        #expect(try await connection.call(stream: 17)["grpc-status"] == "0")
        await connection.close()
        await listener.shutdown(deadline: .now)
    }

    @Test func connectionsAreBounded() async throws {
        var configuration = HTTP2Transport.Configuration()
        configuration.maximumConnections = 2
        let listener = try await HTTP2Transport(configuration: configuration).listen(
            on: .host("127.0.0.1", port: 0), handler: TestServer())
        let first = try await RawConnection.open(to: listener.address)
        let second = try await RawConnection.open(to: listener.address)
        let third = try await RawConnection.connect(to: listener.address)
        #expect(try await third.bytes(1) == nil)
        #expect(try await first.call()["grpc-status"] == "0")
        await first.close()
        // Who comes when another has gone is taken.
        var isTaken = false
        for _ in 0..<500 where !isTaken {
            let next = try await RawConnection.connect(to: listener.address)
            isTaken = try await next.bytes(1) != nil
            await next.close()
        }
        #expect(isTaken)
        for connection in [second, third] { await connection.close() }
        await listener.shutdown(deadline: .now)
    }

    /// Many connections that do nothing; `Benchmarks/abuse.py` has thousands.
    @Test func idleConnectionsHarmNobody() async throws {
        try await withTestServer { listening in
            var idle: [RawConnection] = []
            for _ in 0..<200 { idle.append(try await RawConnection.open(to: listening.address)) }
            #expect(try await idle[100].call()["grpc-status"] == "0")
            for connection in idle { await connection.close() }
        }
    }
}
