import HTTP2TestPeer
import MicroCore
import MicroTransportHTTP2
import Testing

/// RFC 9113, section 6: each type of frame, as a server sees it.
@Suite(.timeLimit(.minutes(2))) struct ServerFrameTypeTests {
    private static let block = Frame.block(RawConnection.request("/test.Test/Deaf"))
    private static let protocolError = ServerRule.Answer.connectionError([ErrorCode.protocolError])
    private static let frameSize = ServerRule.Answer.connectionError([ErrorCode.frameSize])
    private static let flowControl = ServerRule.Answer.connectionError([ErrorCode.flowControl])

    static let calls: [ServerRule] = [
        ServerRule("6.1: DATA on the connection", protocolError, .data([1], stream: 0)),
        ServerRule(
            "6.1: padding as long as the payload", protocolError,
            .request(1), Frame(.data, flags: Frame.padded, stream: 1, [3, 0, 0])),
        ServerRule(
            "6.1: padding without its length",
            .connectionError([ErrorCode.frameSize, ErrorCode.protocolError]),
            .request(1), Frame(.data, flags: Frame.padded, stream: 1)),
        ServerRule(
            "6.1: padding is no data", .grpcStatus(1, "0"),
            .request(1, "/test.Test/Echo"),
            Frame(
                .data, flags: Frame.padded | Frame.endStream, stream: 1,
                [4] + framed([1, 2, 3]) + [0, 0, 0, 0])),
        ServerRule("6.2: HEADERS on the connection", protocolError, .request(0)),
        ServerRule(
            "6.2: padding longer than the block", protocolError,
            .rawHeaders([200] + block, stream: 1, flags: Frame.endHeaders | Frame.padded)),
        ServerRule(
            "6.2: padding and priority are taken off", .grpcStatus(1, "0"),
            .rawHeaders(
                [2, 0, 0, 0, 0, 15] + Frame.block(RawConnection.request("/test.Test/Echo")) + [0, 0],
                stream: 1,
                flags: Frame.endHeaders | Frame.padded | Frame.priority),
            .data(framed([1]), stream: 1, ends: true)),
        ServerRule(
            "6.2: a priority that is too short",
            .connectionError([ErrorCode.frameSize, ErrorCode.protocolError]),
            .rawHeaders([0, 0, 0], stream: 1, flags: Frame.endHeaders | Frame.priority)),
        ServerRule("6.3: PRIORITY on the connection", protocolError, Frame(.priority, [0, 0, 0, 0, 1])),
        ServerRule("6.3: PRIORITY of another length", frameSize, Frame(.priority, stream: 1, [0, 0, 0, 0])),
        ServerRule(
            "5.3.1 of RFC 7540: a stream that depends on itself", protocolError,
            Frame(.priority, stream: 1, [0, 0, 0, 1, 1])),
        ServerRule("6.4: RST_STREAM on the connection", protocolError, .reset(ErrorCode.cancel, stream: 0)),
        ServerRule(
            "6.4: RST_STREAM of another length", frameSize,
            .request(1), Frame(.reset, stream: 1, [0, 0, 8])),
        ServerRule(
            "6.4: RST_STREAM with an unknown code", .nothing, .request(1), .reset(0xDEAD_BEEF, stream: 1)),
    ]

    static let settings: [ServerRule] = [
        ServerRule(
            "6.5: an acknowledgement with a payload", frameSize,
            Frame(.settings, flags: 1, [0, 3, 0, 0, 0, 1])),
        ServerRule("6.5: SETTINGS on a stream", protocolError, Frame(.settings, stream: 1)),
        ServerRule("6.5: a length that is no multiple of six", frameSize, Frame(.settings, [0, 3, 0])),
        ServerRule("6.5.2: ENABLE_PUSH above 1", protocolError, .settings((2, 2))),
        ServerRule("6.5.2: INITIAL_WINDOW_SIZE above the limit", flowControl, .settings((4, 0x8000_0000))),
        ServerRule("6.5.2: MAX_FRAME_SIZE below the limit", protocolError, .settings((5, 16383))),
        ServerRule("6.5.2: MAX_FRAME_SIZE above the limit", protocolError, .settings((5, 1 << 24))),
        ServerRule(
            "6.5.2: unknown settings are ignored", .nothing, .settings((0xABCD, 77), (1, 0), (6, 100))),
        ServerRule("6.5.3: many at once are applied in their order", .nothing, .settings((4, 0), (4, 65535))),
        // nghttp2 ends the streams, and not the connection; see docs/HTTP2.md.
        ServerRule(
            "6.9.2: a new initial window beyond the limit", .streamError(1, [ErrorCode.flowControl]),
            .request(1), .windowUpdate(0x7FFF_0000, stream: 1), .settings((4, 0x7FFF_FFFF))),
        ServerRule(
            "RFC 9218, 2.1: NO_RFC7540_PRIORITIES above 1", protocolError, .settings((9, 2))),
    ]

    static let connection: [ServerRule] = [
        ServerRule(
            "6.6: PUSH_PROMISE from a client", protocolError,
            .request(1), Frame(.pushPromise, flags: 4, stream: 1, [0, 0, 0, 2] + block)),
        ServerRule(
            "6.7: PING on a stream", protocolError, Frame(.ping, stream: 1, [0, 0, 0, 0, 0, 0, 0, 0])),
        ServerRule("6.7: PING of another length", frameSize, Frame(.ping, [1, 2, 3])),
        ServerRule(
            "6.7: an acknowledgement that nobody asked for is dropped", .nothing,
            Frame(.ping, flags: Frame.ack, [1, 1, 1, 1, 1, 1, 1, 1])),
        ServerRule(
            "6.8: GOAWAY on a stream", protocolError, Frame(.goAway, stream: 1, [0, 0, 0, 0, 0, 0, 0, 0])),
        ServerRule("6.8: GOAWAY that is too short", frameSize, Frame(.goAway, [0, 0, 0, 0, 0])),
    ]

    static let windows: [ServerRule] = [
        ServerRule("6.9: nothing on the connection", protocolError, .windowUpdate(0, stream: 0)),
        // nghttp2 ends the connection, as section 5.4.1 allows; see docs/HTTP2.md.
        ServerRule("6.9: nothing on a stream", protocolError, .request(1), .windowUpdate(0, stream: 1)),
        ServerRule("6.9: another length", frameSize, Frame(.windowUpdate, [0, 0, 1])),
        ServerRule(
            "6.9.1: beyond the limit on the connection", flowControl, .windowUpdate(0x7FFF_FFFF, stream: 0)),
        ServerRule(
            "6.9.1: beyond the limit on a stream", .streamError(1, [ErrorCode.flowControl]),
            .request(1), .windowUpdate(0x7FFF_FFFF, stream: 1)),
        ServerRule(
            "6.9.1: DATA beyond our window", .streamError(1, [ErrorCode.flowControl]),
            bytes: Frame.opening + Frame.request(1).bytes
                + (0..<17).flatMap { _ in
                    Frame.data(framed([UInt8](repeating: 0, count: 16379)), stream: 1).bytes
                }),
    ]

    static let continuations: [ServerRule] = [
        ServerRule(
            "6.10: CONTINUATION without HEADERS", protocolError, Frame(.continuation, flags: 4, stream: 1)),
        ServerRule(
            "6.10: CONTINUATION behind a complete block", protocolError,
            .request(1), Frame(.continuation, flags: 4, stream: 1)),
        ServerRule(
            "6.10: CONTINUATION of another stream", protocolError,
            Frame(.headers, stream: 1, block), Frame(.continuation, flags: 4, stream: 3)),
        ServerRule(
            "6.10: CONTINUATION on the connection", protocolError,
            Frame(.headers, stream: 1, block), Frame(.continuation, flags: 4, stream: 0)),
        ServerRule(
            "6.10: another frame inside a block", protocolError, Frame(.headers, stream: 1, block), .ping),
        ServerRule(
            "6.10: an unknown frame inside a block", protocolError,
            Frame(.headers, stream: 1, block), Frame(type: 0xFA, flags: 0, stream: 1, payload: [])),
        ServerRule(
            "6.10: HEADERS inside a block", protocolError, Frame(.headers, stream: 1, block), .request(3)),
        ServerRule(
            "6.10: a block in three frames", .grpcStatus(1, "0"),
            Frame(
                .headers, stream: 1, Array(Frame.block(RawConnection.request("/test.Test/Echo")).prefix(10))),
            Frame(.continuation, stream: 1),
            Frame(
                .continuation, flags: 4, stream: 1,
                Array(Frame.block(RawConnection.request("/test.Test/Echo")).dropFirst(10))),
            .data(framed([1]), stream: 1, ends: true)),
    ]

    @Test(arguments: calls + settings + connection + windows + continuations)
    func isAnsweredAsTheRFCSays(_ rule: ServerRule) async throws { try await rule.check() }

    @Test func answersCarryWhatTheyMust() async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            // 6.5.3: each SETTINGS is acknowledged; 6.7: each PING with its payload.
            try await connection.send(.settings((4, 70000)), .settings((4, 80000)), .ping)
            for _ in 0..<3 {
                let acknowledgement = try await connection.frame { $0.kind == .settings }
                #expect(acknowledgement?.has(Frame.ack) == true)
                #expect(acknowledgement?.payload == [])
            }
            let pong = try await connection.frame { $0.kind == .ping }
            #expect(pong == Frame(.ping, flags: Frame.ack, Frame.ping.payload))
            await connection.close()
        }
    }

    /// 6.8: calls that run when the client goes away are answered.
    @Test func callsEndBehindGoAway() async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await connection.send(
                .request(1, "/test.Test/Stream"),
                Frame(.goAway, [0, 0, 0, 0, 0, 0, 0, 9] + Array("bye".utf8)),
                .data(framed([1]), stream: 1, ends: true))
            #expect(try await connection.answer(on: 1)["grpc-status"] == "0")
            await connection.close()
        }
    }

    /// 6.5.3: settings that nobody acknowledges.
    @Test func settingsMustBeAcknowledged() async throws {
        var configuration = HTTP2Transport.Configuration()
        configuration.handshakeTimeout = .milliseconds(200)
        let listener = try await HTTP2Transport(configuration: configuration).listen(
            on: .host("127.0.0.1", port: 0), handler: TestServer())
        let connection = try await RawConnection.connect(to: listener.address)
        try await connection.send(Frame.opening)
        let goAway = try await connection.frame { $0.kind == .goAway }
        #expect(goAway?.number(at: 4) == ErrorCode.settingsTimeout)
        #expect(try await connection.ends())
        await connection.close()
        await listener.shutdown(deadline: .now)
    }
}
