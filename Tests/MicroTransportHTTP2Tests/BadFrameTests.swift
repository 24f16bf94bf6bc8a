import HTTP2TestPeer
import MicroCore
import MicroTransportHTTP2
import Testing

/// Bytes that are not HTTP/2, each on a connection beside one that must go on working.
@Suite struct BadFrameTests {
    /// Something wrong, and the error code of the GOAWAY that answers it; `nil` where the server need
    /// not say anything.
    struct Offence: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var code: UInt32?
        var bytes: [UInt8]

        init(_ description: String, _ code: UInt32?, _ bytes: [UInt8]) {
            (testDescription, self.code, self.bytes) = (description, code, bytes)
        }

        /// Something wrong behind a correct opening.
        init(_ description: String, _ code: UInt32?, _ frames: Frame...) {
            self.init(description, code, Frame.opening + frames.flatMap(\.bytes))
        }
    }

    static let offences: [Offence] = [
        Offence("wrong preface", nil, Array("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".utf8)),
        Offence("HTTP/1.1 request", nil, Array("GET / HTTP/1.1\r\nhost: x\r\n\r\n".utf8)),
        Offence("garbage", nil, (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }),
        Offence("a TLS hello", nil, [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3] + [UInt8](repeating: 0, count: 64)),
        Offence(
            "no settings first", ErrorCode.protocolError,
            Frame.preface + Frame(.ping, [0, 0, 0, 0, 0, 0, 0, 0]).bytes),
        Offence(
            "a frame above the limit", ErrorCode.frameSize,
            Frame.opening + Frame(.data, stream: 1).head(length: 1 << 20) + [UInt8](repeating: 0, count: 100)),
        Offence(
            "bad HPACK index", ErrorCode.compression,
            Frame(.headers, flags: 5, stream: 1, [0xFF, 0xFF, 0xFF, 0x7F])),
        Offence(
            "truncated HPACK", ErrorCode.compression,
            Frame(.headers, flags: 5, stream: 1, [0x00, 0x05, 0x61])),
        Offence(
            "bad Huffman code", ErrorCode.compression,
            Frame(.headers, flags: 5, stream: 1, [0x00, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0x61])),
        Offence("DATA on an idle stream", ErrorCode.protocolError, .data([1], stream: 1)),
        Offence("DATA on the connection", ErrorCode.protocolError, .data([1], stream: 0)),
        Offence(
            "HEADERS on an even stream", ErrorCode.protocolError,
            .headers(RawConnection.request("/test.Test/Echo"), stream: 2)),
        Offence(
            "HEADERS on the connection", ErrorCode.protocolError,
            .headers(RawConnection.request("/test.Test/Echo"), stream: 0)),
        Offence("SETTINGS of a wrong length", ErrorCode.frameSize, Frame(.settings, [0, 3, 0])),
        Offence("SETTINGS on a stream", ErrorCode.protocolError, Frame(.settings, stream: 1)),
        Offence(
            "SETTINGS with an impossible window", ErrorCode.flowControl,
            Frame(.settings, [0, 4, 0xFF, 0xFF, 0xFF, 0xFF])),
        Offence("PING of a wrong length", ErrorCode.frameSize, Frame(.ping, [1, 2, 3])),
        Offence("WINDOW_UPDATE of nothing", ErrorCode.protocolError, .windowUpdate(0, stream: 0)),
        Offence(
            "WINDOW_UPDATE beyond the limit", ErrorCode.flowControl, .windowUpdate(0x7FFF_FFFF, stream: 0)),
        Offence("RST_STREAM on an idle stream", ErrorCode.protocolError, .reset(ErrorCode.cancel, stream: 1)),
        Offence(
            "CONTINUATION without HEADERS", ErrorCode.protocolError, Frame(.continuation, flags: 4, stream: 1)
        ),
        Offence(
            "PUSH_PROMISE from a client", ErrorCode.protocolError,
            Frame(.pushPromise, flags: 4, stream: 1, [0, 0, 0, 2])),
        Offence(
            "WINDOW_UPDATE of nothing on a stream", ErrorCode.protocolError,
            .headers(RawConnection.request("/test.Test/Stream"), stream: 1), .windowUpdate(0, stream: 1)),
        Offence(
            "another frame inside a header block", ErrorCode.protocolError,
            Frame(.headers, stream: 1, Frame.block(RawConnection.request("/test.Test/Echo"))),
            Frame(.ping, [0, 0, 0, 0, 0, 0, 0, 0])),
    ]

    @Test(arguments: offences)
    func endTheirConnectionOnly(_ offence: Offence) async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.connect(to: listening.address)
            try await connection.send(offence.bytes)
            let goAway = try await connection.frame { $0.kind == .goAway }
            if let code = offence.code { #expect(goAway?.number(at: 4) == code) }
            #expect(try await connection.ends())
            await connection.close()
        }
    }

    @Test func endTheirStreamOnly() async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await connection.send(
                .headers(RawConnection.request("/test.Test/Stream"), stream: 3),
                .windowUpdate(0x7FFF_FFFF, stream: 3))
            #expect(try await connection.answer(on: 3, awaitsReset: true).reset == ErrorCode.flowControl)
            try await eventually("the handlers to end") { listening.server.running == 0 }
            // HTTP's own rules of a request: each is broken once.
            let broken: [[(String, String)]] = [
                RawConnection.request("/test.Test/Echo", [":path": nil]),
                RawConnection.request("/test.Test/Echo", [":scheme": nil]),
                RawConnection.request("no slash"),
                RawConnection.request("/test.Test/Echo", more: [("Upper", "case")]),
                RawConnection.request("/test.Test/Echo", more: [("connection", "close")]),
                RawConnection.request("/test.Test/Echo", more: [(":late", "pseudo")]),
                RawConnection.request("/test.Test/Echo", more: [("line", "a\r\nb: c")]),
            ]
            for (index, fields) in broken.enumerated() {
                let stream = UInt32(5 + 2 * index)
                try await connection.send(.headers(fields, stream: stream))
                #expect(
                    try await connection.answer(on: stream, awaitsReset: true).reset
                        == ErrorCode.protocolError)
            }
            #expect(try await connection.call(stream: 101)["grpc-status"] == "0")
            await connection.close()
        }
    }

    @Test func halfAFrameHarmsNobody() async throws {
        try await withTestServer { listening in
            let halves: [[UInt8]] = [
                [], Array(Frame.preface.prefix(10)), Frame.opening,
                Frame.opening + Frame(.headers, flags: 4, stream: 1).head(length: 100).prefix(5),
                Frame.opening + Frame(.headers, flags: 4, stream: 1).head(length: 100) + [0, 1],
                Frame.opening + Frame.headers(RawConnection.request("/test.Test/Echo"), stream: 1).bytes
                    + Frame(.data, stream: 1).head(length: 100) + [0, 0],
                Frame.opening + Frame.headers(RawConnection.request("/test.Test/Stream"), stream: 1).bytes
                    + Frame.data([0, 0, 0, 1, 0, 7, 7], stream: 1).bytes,
            ]
            for half in halves {
                let connection = try await RawConnection.connect(to: listening.address)
                if !half.isEmpty { try await connection.send(half) }
                let other = try await RawConnection.open(to: listening.address)
                #expect(try await other.call()["grpc-status"] == "0")
                await other.close()
                await connection.close()
            }
            try await eventually("the handlers to end") { listening.server.running == 0 }
        }
    }

    /// A header block that arrives in pieces, while the thread reads whole ones of other connections.
    @Test func headersInPiecesDoNotMix() async throws {
        try await withTestServer { listening in
            var connections: [(pieces: [UInt8], raw: RawConnection)] = []
            for index in 0..<8 {
                let raw = try await RawConnection.open(to: listening.address)
                // The server has read the opening once its settings are here.
                _ = try await raw.frame { $0.kind == .settings && $0.has(Frame.ack) }
                let fields = (0..<4).map { ("x-own-\($0)", "value of \(index)") }
                let request = RawConnection.request("/test.Test/Echo", more: fields)
                connections.append((Frame.headers(request, stream: 1).bytes, raw))
            }
            let length = connections.map(\.pieces.count).min() ?? 0
            for (index, connection) in connections.enumerated() {
                try await connection.raw.send(Array(connection.pieces.prefix(length - 60)))
                connections[index].pieces.removeFirst(length - 60)
                let whole = try await RawConnection.open(to: listening.address)
                let answer = try await whole.call(more: [("x-other", "must not be seen")])
                #expect(answer["grpc-status"] == "0")
                await whole.close()
            }
            for connection in connections {
                let body = Frame.data(framed([1]), stream: 1, ends: true).bytes
                try await connection.raw.send(connection.pieces + body)
                #expect(try await connection.raw.answer(on: 1)["grpc-status"] == "0")
                await connection.raw.close()
            }
            let heads = listening.server.heads.filter { $0.metadata["x-own-0"] != nil }
            #expect(heads.count == connections.count)
            for head in heads {
                #expect(head.metadata["x-other"] == nil)
                let values = Set((0..<4).map { head.metadata["x-own-\($0)"] })
                #expect(values.count == 1)
            }
        }
    }
}
