import HTTP2TestPeer
import MicroCore
import MicroTransportHTTP2
import Testing

/// Servers that answer wrongly: each ends its call with an error that says why.
@Suite(.timeLimit(.minutes(2))) struct BadAnswerTests {
    private static let head = [(":status", "200"), ("content-type", "application/grpc")]

    /// Makes a unary call that a server of frames answers.
    ///
    /// - Returns: The error, and the resets that the client sent by then.
    private func outcome(
        _ frames: [Frame], closes: Bool = false
    ) async throws -> (error: MicroError?, resets: [UInt32]) {
        let server = try await RawListener.open()
        let node = Node(id: "raw-1", address: "\(server.address)")
        async let outcome = failure {
            let connection = try await HTTP2Transport().connect(to: node, as: .host("localhost"))
            do {
                _ = try await connection.unary(CallHead(path: "/test.Test/Echo"), EncodedMessage([1]))
            } catch {
                await connection.close(deadline: .now)
                throw error
            }
            await connection.close(deadline: .now)
        }
        let peer = try await server.accept()
        try await peer.greetAsServer()
        _ = try await peer.frame { $0.kind == .data }
        try await peer.send(frames.flatMap(\.bytes))
        if closes { await peer.close() }
        let error = try await outcome
        var resets: [UInt32] = []
        while let frame = try await peer.frame() {
            if frame.kind == .reset { resets.append(frame.number(at: 0)) }
        }
        await peer.close()
        await server.close()
        return (error, resets)
    }

    private func answer(_ body: [UInt8], trailers: [(String, String)] = [("grpc-status", "0")]) -> [Frame] {
        [.headers(Self.head, stream: 1), .data(body, stream: 1), .headers(trailers, stream: 1, ends: true)]
    }

    @Test func aGoodAnswerIsNotReset() async throws {
        let (error, resets) = try await outcome(answer(framed([1])))
        #expect(error == nil)
        #expect(resets == [])
    }

    @Test func messagesMustFit() async throws {
        for (body, status) in [
            ([], RPCStatus.unimplemented), (framed([1]) + framed([2]), .unimplemented), ([0, 0], .internal),
            (framed([1], flag: 1), .internal), (framed([1], flag: 5), .internal),
            (framed([1], length: .max), .resourceExhausted), (framed([1], length: 9), .internal),
        ] as [([UInt8], RPCStatus)] {
            #expect(try await outcome(answer(body)).error?.status == status, "\(body)")
        }
    }

    @Test func headsMustBeGRPCs() async throws {
        for (status, wanted) in [
            ("404", RPCStatus.unimplemented), ("503", .unavailable), ("401", .unauthenticated),
            ("403", .permissionDenied), ("418", .unknown), ("200", .unknown),
        ] {
            let head = [(":status", status), ("content-type", "text/html")]
            let page: [Frame] = [.headers(head, stream: 1), .data([60], stream: 1, ends: true)]
            #expect(try await outcome(page).error?.status == wanted, "\(status)")
            #expect(try await outcome([.headers(head, stream: 1, ends: true)]).error?.status == wanted)
        }
    }

    @Test func endingsMustBeComplete() async throws {
        let noTrailers: [Frame] = [
            .headers(Self.head, stream: 1), .data(framed([1]), stream: 1, ends: true),
        ]
        #expect(try await outcome(noTrailers).error?.status == .internal)
        let noStatus = try await outcome(answer(framed([1]), trailers: [("x", "y")])).error
        #expect(noStatus?.status == .unknown)
        #expect(noStatus?.detail.contains("grpc-status") == true)
        let badStatus = try await outcome(answer(framed([1]), trailers: [("grpc-status", "x")])).error
        #expect(badStatus?.status == .unknown)
        let strange = try await outcome(
            answer([], trailers: [("grpc-status", "99"), ("grpc-message", "a%+fb%zz%4")])
        ).error
        #expect(strange?.status == RPCStatus(rawValue: 99))
        #expect(strange?.detail == "a%+fb%zz%4")
    }

    @Test func resetsAreTold() async throws {
        for (code, status, processed) in [
            (ErrorCode.refusedStream, RPCStatus.unavailable, MicroError.Processed.no),
            (ErrorCode.cancel, .cancelled, .maybe), (ErrorCode.protocolError, .internal, .maybe),
            (ErrorCode.none, .internal, .maybe),
        ] {
            let error = try await outcome([.reset(code, stream: 1)]).error
            #expect(error?.status == status)
            #expect(error?.processed == processed)
        }
    }

    @Test func endsOfTheConnectionAreTold() async throws {
        let above = Frame(.goAway, [0, 0, 0, 0, 0, 0, 0, 0])
        let refused = try await outcome([above], closes: true).error
        #expect(refused?.status == .unavailable)
        #expect(refused?.processed == .no)
        let including = Frame(.goAway, [0, 0, 0, 1, 0, 0, 0, 0])
        let lost = try await outcome([including], closes: true).error
        #expect(lost?.status == .unavailable)
        #expect(lost?.processed == .maybe)
        let cut = try await outcome(
            [.headers(Self.head, stream: 1), .data([0, 0], stream: 1)], closes: true
        ).error
        #expect(cut?.status == .unavailable)
        #expect(cut?.processed == .maybe)
        let garbage = try await outcome([Frame(.settings, [1])]).error
        #expect(garbage?.status == .unavailable)
    }

    @Test func headersAreBounded() async throws {
        let large = (0..<20).map { ("x-\($0)", String(repeating: "v", count: 1000)) }
        let head: [Frame] = [.headers(Self.head + large, stream: 1)]
        #expect(try await outcome(Self.split(head[0])).error?.detail.contains("too long") == true)
    }

    /// Cuts a header block into frames that keep the limit of 16 KiB.
    private static func split(_ frame: Frame) -> [Frame] {
        let first = Array(frame.payload.prefix(16000))
        let rest = Array(frame.payload.dropFirst(16000))
        return [
            Frame(.headers, flags: frame.flags & ~Frame.endHeaders, stream: frame.stream, first),
            Frame(.continuation, flags: Frame.endHeaders, stream: frame.stream, rest),
        ]
    }
}
