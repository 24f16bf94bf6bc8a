import HTTP2TestPeer
import Testing

/// RFC 9113, section 8: what a request may have, as a server sees it.
///
/// A request that breaks a rule is malformed: its stream ends, and the connection goes on.
@Suite(.timeLimit(.minutes(2))) struct ServerRequestTests {
    private static let malformed = ServerRule.Answer.streamError(1, [ErrorCode.protocolError])
    private static let usual = RawConnection.request("/test.Test/Echo")

    /// A request that lacks something, or has something else or more.
    private static func rule(
        _ name: String, _ answer: ServerRule.Answer = malformed, _ changes: [String: String?] = [:],
        more: [(String, String)] = [], first: [(String, String)] = [], isStrict: Bool = false
    ) -> ServerRule {
        let fields = first + RawConnection.request("/test.Test/Echo", changes, more: more)
        var rule = ServerRule(
            name, answer, .headers(fields, stream: 1), .data(framed([1]), stream: 1, ends: true))
        rule.isStrict = isStrict
        return rule
    }

    /// A rule that gRPC calls may break, unless the server is strict, and other requests may not.
    private static func excused(_ name: String, _ more: [(String, String)]) -> [ServerRule] {
        [
            rule("\(name), dropped from a call", .grpcStatus(1, "0"), more: more),
            rule("\(name), in a call to a strict server", malformed, more: more, isStrict: true),
            rule(
                "\(name), in a request of another type", malformed, ["content-type": "text/plain"], more: more
            ),
            rule("\(name), in a request with another method", malformed, [":method": "PUT"], more: more),
        ]
    }

    static let fields: [ServerRule] =
        [
            rule("8.2.1: upper case in a name", more: [("Upper", "x")]),
            rule("8.2.1: a space in a name", more: [("a b", "x")]),
            rule("8.2.1: a colon inside a name", more: [("a:b", "x")]),
            rule("8.2.1: a control character in a name", more: [("a\u{1}", "x")]),
            rule("8.2.1: DEL in a name", more: [("a\u{7F}", "x")]),
            rule("8.2.1: a byte above 0x7F in a name", more: [("aé", "x")]),
            rule("8.2.1: an empty name", more: [("", "x")]),
            rule("8.2.1: NUL in a value", more: [("a", "x\0y")]),
            rule("8.2.1: CR in a value", more: [("a", "x\ry")]),
            rule("8.2.1: LF in a value", more: [("a", "x\ny")]),
            rule("8.2.1: bytes above 0x7F in a value are allowed", .grpcStatus(1, "0"), more: [("a", "é")]),
            rule("8.2.2: te: trailers is allowed", .grpcStatus(1, "0"), ["te": "trailers"]),
            rule("8.2.2: te with anything else", malformed, ["te": "gzip"]),
            rule(
                "8.2.3: cookies may be cut in pieces", .grpcStatus(1, "0"),
                more: [("cookie", "a"), ("cookie", "b")]),
        ]
        + excused("8.2.1: a space in front of a value", [("a", " x")])
        + excused("8.2.1: a tab behind a value", [("a", "x\t")])
        + ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"].flatMap {
            excused("8.2.2: \($0) belongs to HTTP/1.1", [($0, "close")])
        }

    static let pseudoFields: [ServerRule] =
        [
            rule("8.3: a pseudo-header field behind another", more: [(":authority", "x")]),
            rule("8.3: an unknown pseudo-header field", first: [(":unknown", "x")]),
            rule("8.3: a pseudo-header field of answers", first: [(":status", "200")]),
            rule("8.3.1: an empty :path", malformed, [":path": ""]),
            rule("8.3.1: a :path without a slash", malformed, [":path": "no-slash"]),
            rule("8.3.1: an asterisk is for OPTIONS", malformed, [":path": "*"]),
            rule(
                "8.3.1: an asterisk with OPTIONS", .status(1, "405"), [":method": "OPTIONS", ":path": "*"]),
            rule(
                "8.3.1: no :authority is allowed", .grpcStatus(1, "0"), [":authority": nil],
                more: [("host", "x")]),
            rule("8.5: CONNECT with :path", malformed, [":method": "CONNECT"]),
            rule(
                "8.5: CONNECT without :authority", malformed,
                [":method": "CONNECT", ":path": nil, ":scheme": nil, ":authority": nil]),
            rule(
                "8.5: CONNECT is refused", .status(1, "405"),
                [":method": "CONNECT", ":path": nil, ":scheme": nil]),
        ]
        + [(":method", "POST"), (":scheme", "http"), (":path", "/test.Test/Echo"), (":authority", "test")].map
    {
        rule("8.3: \($0.0) twice", first: [$0])
    }
        + [":method", ":scheme", ":path"].map { rule("8.3.1: no \($0)", malformed, [$0: nil]) }

    static let lengths: [ServerRule] =
        excused("8.1.1: content-length above the body", [("content-length", "7")])
        + excused("8.1.1: content-length below the body", [("content-length", "5")])
        + excused("8.1.1: content-length twice", [("content-length", "6"), ("content-length", "7")])
        + excused("8.1.1: content-length that is no number", [("content-length", "six")])
        + excused("8.1.1: content-length below zero", [("content-length", "-6")])
        + excused("8.1.1: content-length beyond all numbers", [("content-length", "99999999999999999999")])
        + [
            rule(
                "8.1.1: content-length of the body", .grpcStatus(1, "0"), more: [("content-length", "6")],
                isStrict: true),
            rule(
                "8.1.1: content-length of another request's body", .status(1, "415"),
                ["content-type": "text/plain"], more: [("content-length", "6")]),
            ServerRule(
                "8.1.1: content-length of a request without a body", malformed,
                .headers(
                    RawConnection.request("/", [":method": "GET"], more: [("content-length", "1")]),
                    stream: 1,
                    ends: true)),
            ServerRule(
                "8.1.1: content-length of no bytes", .status(1, "405"),
                .headers(
                    RawConnection.request("/", [":method": "GET"], more: [("content-length", "0")]),
                    stream: 1,
                    ends: true)),
        ]

    static let bodies: [ServerRule] = [
        ServerRule(
            "8.1: trailers end the request", malformed,
            .headers(usual, stream: 1), .data(framed([1]), stream: 1), .headers([("x", "y")], stream: 1)),
        ServerRule(
            "8.1: trailers with pseudo-header fields", malformed,
            .headers(usual, stream: 1), .data([0], stream: 1),
            .headers([(":path", "/")], stream: 1, ends: true)),
        ServerRule(
            "8.1: trailers of a request are dropped", .grpcStatus(1, "0"),
            .headers(usual, stream: 1), .data(framed([1]), stream: 1),
            .headers([("x", "y")], stream: 1, ends: true)
        ),
        ServerRule(
            "8.1: a request that has no call", .grpcStatus(1, "12"), .headers(usual, stream: 1, ends: true)),
        ServerRule(
            "8.1: trailers of a call may have fields of HTTP/1.1", .grpcStatus(1, "0"),
            .headers(usual, stream: 1), .data(framed([1]), stream: 1),
            .headers([("connection", "close")], stream: 1, ends: true)),
        ServerRule(
            "8.1: trailers with upper case in a name", malformed,
            .headers(usual, stream: 1), .data(framed([1]), stream: 1),
            .headers([("Upper", "x")], stream: 1, ends: true)),
    ]

    @Test(arguments: fields + pseudoFields + lengths + bodies)
    func isAnsweredAsTheRFCSays(_ rule: ServerRule) async throws { try await rule.check() }
}
