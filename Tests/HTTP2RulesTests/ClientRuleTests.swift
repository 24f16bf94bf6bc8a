import HTTP2TestPeer
import Testing

/// RFC 9113, sections 3.4 to 8, and RFC 7541, as a client sees them.
@Suite(.timeLimit(.minutes(2))) struct ClientRuleTests {
    private static let head = ClientRule.head
    private static let protocolError = ClientRule.Answer.connectionError([ErrorCode.protocolError])
    private static let frameSize = ClientRule.Answer.connectionError([ErrorCode.frameSize])
    private static let flowControl = ClientRule.Answer.connectionError([ErrorCode.flowControl])
    private static let compression = ClientRule.Answer.connectionError([ErrorCode.compression])
    private static let malformed = ClientRule.Answer.streamError([ErrorCode.protocolError])

    /// A rule about what comes in front of a good answer.
    private static func ignored(_ rule: String, _ frames: Frame...) -> ClientRule {
        ClientRule(rule, .success, bytes: (frames + ClientRule.answer(1)).flatMap(\.bytes))
    }

    /// A rule about an answer's head.
    private static func head(_ rule: String, _ fields: [(String, String)]) -> ClientRule {
        ClientRule(rule, malformed, .headers(fields, stream: 1))
    }

    static let frames: [ClientRule] = [
        ClientRule(
            "3.4: the first frame must be SETTINGS", protocolError, greets: false, bytes: Frame.ping.bytes),
        ClientRule(
            "3.4: HTTP/1.1 is no HTTP/2", .connectionError([ErrorCode.protocolError, ErrorCode.frameSize]),
            greets: false, bytes: Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)),
        ignored("4.1: unknown frames are ignored", Frame(type: 0xFA, flags: 255, stream: 0, payload: [1])),
        ignored("6.8: PING is answered", .ping),
        ignored("6.5.2: unknown settings are ignored", .settings((0xABCD, 1))),
        ClientRule(
            "4.2: a frame above the limit", frameSize, bytes: Frame(.data, stream: 1).bytes(length: 16385)),
        ClientRule("5.1: DATA on an idle stream", protocolError, .data([1], stream: 3)),
        ClientRule("5.1: RST_STREAM on an idle stream", protocolError, .reset(ErrorCode.cancel, stream: 3)),
        ClientRule("5.1: WINDOW_UPDATE on an idle stream", protocolError, .windowUpdate(1, stream: 3)),
        ClientRule("5.1: HEADERS on an idle stream", protocolError, .headers(head, stream: 3)),
        ClientRule("8.4: HEADERS on a stream that nobody promised", protocolError, .headers(head, stream: 2)),
        ClientRule("6.1: DATA on the connection", protocolError, .data([1], stream: 0)),
        ClientRule("6.2: HEADERS on the connection", protocolError, .headers(head, stream: 0)),
        ClientRule("6.4: RST_STREAM of another length", frameSize, Frame(.reset, stream: 1, [1])),
        ClientRule("6.5: SETTINGS of another length", frameSize, Frame(.settings, [1])),
        ClientRule("6.5.2: a server that enables push", protocolError, .settings((2, 1))),
        ClientRule("6.5.2: INITIAL_WINDOW_SIZE above the limit", flowControl, .settings((4, .max))),
        ClientRule("6.5.2: MAX_FRAME_SIZE below the limit", protocolError, .settings((5, 1))),
        ClientRule(
            "6.6, 8.4: PUSH_PROMISE although push is disabled", protocolError,
            Frame(
                .pushPromise, flags: 4, stream: 1, [0, 0, 0, 2] + Frame.block(RawConnection.request("/x")))),
        ClientRule("6.7: PING of another length", frameSize, Frame(.ping, [1])),
        ClientRule(
            "6.8: GOAWAY on a stream", protocolError, Frame(.goAway, stream: 1, [0, 0, 0, 1, 0, 0, 0, 0])),
        ClientRule("6.9: a WINDOW_UPDATE of nothing", protocolError, .windowUpdate(0, stream: 0)),
        ClientRule(
            "6.9.1: beyond the limit on the connection", flowControl, .windowUpdate(0x7FFF_FFFF, stream: 0)),
        ClientRule(
            "6.9.1: beyond the limit on a stream", .streamError([ErrorCode.flowControl]),
            .headers(head, stream: 1), .windowUpdate(0x7FFF_FFFF, stream: 1)),
        ClientRule(
            "6.10: CONTINUATION without HEADERS", protocolError, Frame(.continuation, flags: 4, stream: 1)),
        ClientRule(
            "6.10: another frame inside a block", protocolError,
            Frame(.headers, stream: 1, Frame.block(head)), .ping),
        ClientRule("RFC 7541, 6.1: the index 0", compression, .rawHeaders([0x80], stream: 1)),
        ClientRule(
            "RFC 7541, 2.3.3: an index behind both tables", compression, .rawHeaders([0xBE], stream: 1)),
        ClientRule(
            "RFC 7541, 4.2: a table above our limit", compression, .rawHeaders([0x3F, 0xE2, 0x1F], stream: 1)),
    ]

    static let answers: [ClientRule] = [
        // nghttp2 ends the connection, as section 5.4.1 allows.
        ClientRule("8.1: DATA in front of the head", protocolError, .data(framed([1]), stream: 1)),
        ClientRule(
            "8.1: trailers end the answer", malformed,
            .headers(head, stream: 1), .data(framed([1]), stream: 1),
            .headers([("grpc-status", "0")], stream: 1)),
        ClientRule(
            "8.1: trailers with :status", malformed,
            .headers(head, stream: 1), .data([0], stream: 1), .headers(head, stream: 1, ends: true)),
        ignored("8.1: informational heads come first", .headers([(":status", "103")], stream: 1)),
        ClientRule(
            "8.1: an informational head ends no answer", malformed,
            .headers([(":status", "100")], stream: 1, ends: true)),
        head("8.6: there is no 101", [(":status", "101")]),
        head("8.3.2: no :status", [("content-type", "application/grpc")]),
        head("8.3.2: :status twice", [(":status", "200")] + head),
        head("8.3.2: :status that is no number", [(":status", "abc")]),
        head("8.3.2: :status of two digits", [(":status", "20")]),
        head("8.3: :status behind another field", [("x", "y"), (":status", "200")]),
        head("8.3: a pseudo-header field of requests", head + [(":path", "/")]),
        head("8.3: an unknown pseudo-header field", [(":unknown", "x")] + head),
        head("8.2.1: upper case in a name", head + [("Upper", "x")]),
        head("8.2.1: LF in a value", head + [("a", "x\ny")]),
        head("8.2.2: connection belongs to HTTP/1.1", head + [("connection", "close")]),
        ClientRule(
            "8.1.1: content-length above the body", malformed,
            .headers(head + [("content-length", "9")], stream: 1), .data(framed([1]), stream: 1),
            .headers([("grpc-status", "0")], stream: 1, ends: true)),
        ClientRule(
            "8.1.1: content-length below the body", malformed,
            .headers(head + [("content-length", "3")], stream: 1), .data(framed([1]), stream: 1)),
    ]

    @Test(arguments: frames + answers)
    func isAnsweredAsTheRFCSays(_ rule: ClientRule) async throws { try await rule.check() }
}
