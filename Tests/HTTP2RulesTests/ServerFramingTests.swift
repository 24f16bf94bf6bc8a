import HTTP2TestPeer
import Testing

/// RFC 9113, sections 3.4 to 5: prefaces, frames and the states of streams, as a server sees them.
@Suite(.timeLimit(.minutes(2))) struct ServerFramingTests {
    private static let block = Frame.block(RawConnection.request("/test.Test/Deaf"))

    static let preface: [ServerRule] = [
        ServerRule(
            "3.4: another preface is a connection error", .connectionError([]),
            bytes: Array("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".utf8)),
        ServerRule(
            "3.4: HTTP/1.1 is another preface", .connectionError([]),
            bytes: Array("GET / HTTP/1.1\r\nhost: x\r\n\r\n".utf8)),
        ServerRule(
            "3.4: garbage is another preface", .connectionError([]),
            bytes: (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }),
        ServerRule(
            "3.4: a TLS hello is another preface", .connectionError([]),
            bytes: [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3] + [UInt8](repeating: 0, count: 64)),
        ServerRule(
            "3.4: the first frame must be SETTINGS", .connectionError([ErrorCode.protocolError]),
            bytes: Frame.preface + Frame.ping.bytes),
        ServerRule(
            "3.4: the first SETTINGS must be no acknowledgement", .connectionError([ErrorCode.protocolError]),
            bytes: Frame.preface + Frame(.settings, flags: Frame.ack).bytes),
    ]

    static let frames: [ServerRule] = [
        ServerRule(
            "4.1: an unknown frame on the connection is ignored", .nothing,
            Frame(type: 0xFA, flags: 0xFF, stream: 0, payload: [1, 2, 3])),
        ServerRule(
            "4.1: an unknown frame on a stream is ignored", .nothing,
            .request(1), Frame(type: 0xFA, flags: 0, stream: 1, payload: [1])),
        ServerRule(
            "4.1: an unknown frame on an idle stream is ignored", .nothing,
            Frame(type: 0xFA, flags: 0, stream: 7, payload: [])),
        ServerRule("4.1: unknown flags are ignored", .nothing, Frame.ping.with(0xFE)),
        ServerRule(
            "4.1: unknown flags of DATA are ignored", .grpcStatus(1, "0"),
            .request(1, "/test.Test/Echo"), .data(framed([1]), stream: 1, ends: true).with(0xF6)),
        ServerRule(
            "4.1: the reserved bit of a stream's number is ignored", .nothing,
            Frame(.windowUpdate, stream: 0x8000_0000, [0, 0, 0, 1])),
        ServerRule(
            "4.2: DATA above the limit", .connectionError([ErrorCode.frameSize]),
            bytes: Frame.opening + Frame.request(1).bytes + Frame(.data, stream: 1).bytes(length: 16385)),
        ServerRule(
            "4.2: HEADERS above the limit", .connectionError([ErrorCode.frameSize]),
            bytes: Frame.opening + Frame(.headers, flags: 4, stream: 1).bytes(length: 16385)),
        ServerRule(
            "4.2: SETTINGS above the limit", .connectionError([ErrorCode.frameSize]),
            bytes: Frame.opening + Frame(.settings).bytes(length: 16386)),
        ServerRule(
            "4.2: an unknown frame above the limit", .connectionError([ErrorCode.frameSize]),
            bytes: Frame.opening + Frame(type: 0xFA, flags: 0, stream: 0, payload: []).bytes(length: 1 << 20)),
        ServerRule(
            "4.2: DATA of the greatest length is taken", .nothing,
            .request(1), .data(framed([UInt8](repeating: 0, count: 16379)), stream: 1)),
        ServerRule(
            "4.3: a header block that can't be decoded", .connectionError([ErrorCode.compression]),
            .rawHeaders([0x80], stream: 1)),
        ServerRule(
            "4.3: a header block that ends too soon", .connectionError([ErrorCode.compression]),
            .rawHeaders([0x00, 0x05, 0x61], stream: 1)),
    ]

    static let states: [ServerRule] = [
        ServerRule(
            "5.1 idle: DATA", .connectionError([ErrorCode.protocolError]), .data([1], stream: 1)),
        ServerRule(
            "5.1 idle: RST_STREAM", .connectionError([ErrorCode.protocolError]),
            .reset(ErrorCode.cancel, stream: 1)),
        ServerRule(
            "5.1 idle: WINDOW_UPDATE", .connectionError([ErrorCode.protocolError]),
            .windowUpdate(1, stream: 1)),
        ServerRule(
            "5.1 idle: CONTINUATION", .connectionError([ErrorCode.protocolError]),
            Frame(.continuation, flags: 4, stream: 1, block)),
        ServerRule("5.1 idle: PRIORITY is allowed", .nothing, Frame(.priority, stream: 1, [0, 0, 0, 0, 1])),
        ServerRule(
            "5.1 half-closed: DATA", .connectionError([ErrorCode.streamClosed]),
            .request(1, ends: true), .data([1], stream: 1)),
        ServerRule(
            "5.1 half-closed: HEADERS", .connectionError([ErrorCode.streamClosed]),
            .request(1, ends: true), .headers([("x", "y")], stream: 1, ends: true)),
        ServerRule(
            "5.1 half-closed: WINDOW_UPDATE and PRIORITY are allowed", .nothing,
            .request(1, ends: true), .windowUpdate(1, stream: 1),
            Frame(.priority, stream: 1, [0, 0, 0, 0, 1])),
        ServerRule(
            "5.1 half-closed: RST_STREAM is allowed", .nothing,
            .request(1, ends: true), .reset(ErrorCode.cancel, stream: 1)),
        ServerRule(
            "5.1 closed: DATA behind the sender's RST_STREAM is dropped", .nothing,
            .request(1), .reset(ErrorCode.cancel, stream: 1), .data([1], stream: 1)),
        ServerRule(
            "5.1 closed: HEADERS behind the sender's RST_STREAM are dropped", .nothing,
            .request(1), .reset(ErrorCode.cancel, stream: 1), .request(1)),
        ServerRule(
            "5.1 closed: WINDOW_UPDATE, PRIORITY and RST_STREAM are dropped", .nothing,
            .request(1), .reset(ErrorCode.cancel, stream: 1), .windowUpdate(1, stream: 1),
            Frame(.priority, stream: 1, [0, 0, 0, 0, 1]), .reset(ErrorCode.cancel, stream: 1)),
        ServerRule(
            "5.1.1: a client's streams are odd", .connectionError([ErrorCode.protocolError]), .request(2)),
        // They can't be told from trailers of a stream that we have just reset; see docs/HTTP2.md.
        ServerRule("5.1.1: HEADERS on lower numbers are dropped", .nothing, .request(5), .request(3)),
        ServerRule(
            "5.1.2: more streams than allowed are refused", .streamError(201, [ErrorCode.refusedStream]),
            bytes: Frame.opening + Frame(.settings, flags: Frame.ack).bytes
                + (0..<101).flatMap { Frame.request(UInt32(2 * $0 + 1)).bytes }
                + Frame.reset(ErrorCode.cancel, stream: 1).bytes),
    ]

    @Test(arguments: preface + frames + states)
    func isAnsweredAsTheRFCSays(_ rule: ServerRule) async throws { try await rule.check() }
}
