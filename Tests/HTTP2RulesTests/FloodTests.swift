import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// Clients that send what costs them little and us more (RFC 9113, section 10.5): each is refused with
/// ENHANCE_YOUR_CALM, and a client beside it goes on.
@Suite(.timeLimit(.minutes(2))) struct FloodTests {
    struct Flood: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var bytes: [UInt8]

        init(_ description: String, first: [Frame] = [], count: Int = 4000, _ frames: (UInt32) -> [Frame]) {
            testDescription = description
            bytes = first.flatMap(\.bytes)
            for index in 0..<count { bytes += frames(UInt32(2 * index + 1)).flatMap(\.bytes) }
        }
    }

    private static let missing = RawConnection.request("/test.Test/Deaf", [":path": nil])

    /// A field of 3,000 bytes that enters the table, and references to it of one byte each.
    private static let longField: [UInt8] =
        [0x40, 0x01, 0x61, 0x7F, 0xB9, 0x16] + [UInt8](repeating: 0x62, count: 3000)

    private static func references(_ count: Int) -> [UInt8] { [UInt8](repeating: 0xBE, count: count) }

    private static func trailers(_ block: [UInt8], stream: UInt32) -> Frame {
        .rawHeaders(block, stream: stream, flags: Frame.endHeaders | Frame.endStream)
    }

    static let floods: [Flood] = [
        Flood("PING") { _ in [.ping] },
        Flood("acknowledgements of no PING") { _ in [Frame(.ping, flags: Frame.ack, Frame.ping.payload)] },
        Flood("SETTINGS", count: 1000) { _ in [Frame(.settings)] },
        Flood("WINDOW_UPDATE") { _ in [.windowUpdate(1, stream: 0)] },
        Flood("empty DATA", first: [.request(1)]) { _ in [.data([], stream: 1)] },
        Flood("DATA of padding alone", first: [.request(1)]) { _ in
            [Frame(.data, flags: Frame.padded, stream: 1, [0])]
        },
        Flood("PRIORITY") { [Frame(.priority, stream: $0, [0, 0, 0, 0, 1])] },
        Flood("unknown frames") { _ in [Frame(type: 0xFA, flags: 0, stream: 0, payload: [])] },
        Flood("RST_STREAM on a closed stream", first: [.request(1)]) { _ in
            [.reset(ErrorCode.cancel, stream: 1)]
        },
        Flood(
            "HEADERS on a closed stream",
            first: [.headers(missing, stream: 1), .reset(ErrorCode.cancel, stream: 1)]
        ) { _ in [.request(1)] },
        Flood(
            "long header blocks on a closed stream",
            first: [.rawHeaders(longField, stream: 1), .reset(ErrorCode.cancel, stream: 1)], count: 100
        ) { _ in
            [.rawHeaders(references(16_000), stream: 1)]
        },
        Flood("rapid reset (CVE-2023-44487)") { [.request($0), .reset(ErrorCode.cancel, stream: $0)] },
        Flood("rapid reset without an error") { [.request($0), .reset(ErrorCode.none, stream: $0)] },
        Flood("made you reset, by a window (CVE-2025-8671)") {
            [.request($0), .windowUpdate(0x7FFF_FFFF, stream: $0)]
        },
        Flood("made you reset, by a malformed request") { [.headers(missing, stream: $0)] },
        Flood("calls beyond the limit") { [.request($0)] },
        Flood("CONTINUATION (CVE-2024-27316)", first: [Frame(.headers, stream: 1, [0x82])], count: 1000) {
            _ in
            [Frame(.continuation, stream: 1)]
        },
        Flood("CONTINUATION with fields", first: [Frame(.headers, stream: 1, [0x82])], count: 1000) { _ in
            [Frame(.continuation, stream: 1, Frame.block([("x", "y")]))]
        },
        Flood("HPACK bomb", count: 1) { _ in
            [.rawHeaders(longField + references(12_000), stream: 1)]
        },
        Flood("HPACK bomb in trailers", first: [.request(1)], count: 1) { _ in
            [trailers(longField + references(12_000), stream: 1)]
        },
        Flood(
            "HPACK bomb in a call beyond the limit", first: (0..<100).map { .request(2 * $0 + 1) }, count: 1
        ) { _ in
            [.rawHeaders(longField + references(12_000), stream: 201)]
        },
        Flood("header blocks that are too long", first: [.rawHeaders(longField, stream: 1)], count: 2000) {
            [.rawHeaders(references(10) + Frame.block(missing), stream: $0 + 2)]
        },
        Flood(
            "trailers that are too long", first: [.request(1), trailers(longField, stream: 1)], count: 2000
        ) {
            [
                .request($0 + 2, "/test.Test/Echo"), .data(framed([1]), stream: $0 + 2),
                trailers(references(70), stream: $0 + 2),
            ]
        },
    ]

    @Test(arguments: floods)
    func isRefused(_ flood: Flood) async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            // The server may close before it has taken all.
            try? await connection.send(flood.bytes)
            let goAway = try await connection.frame { $0.kind == .goAway }
            #expect(goAway?.number(at: 4) == ErrorCode.enhanceYourCalm)
            #expect(try await connection.ends())
            await connection.close()
            try await eventually("the handlers to end") { listening.server.running == 0 }
        }
    }

    /// Many small frames beside many calls are no flood.
    @Test func busyClientsAreNotRefused() async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            let fields = RawConnection.request("/test.Test/Echo")
            for round in 0..<40 {
                let streams = (0..<50).map { UInt32(2 * (50 * round + $0) + 1) }
                let bytes = streams.flatMap { stream -> [UInt8] in
                    let frames: [Frame] = [
                        .headers(fields, stream: stream), .data(framed([1]), stream: stream, ends: true),
                        .ping,
                        .windowUpdate(9, stream: 0), Frame(type: 0xFA, flags: 0, stream: 0, payload: []),
                    ]
                    return frames.flatMap(\.bytes)
                }
                try await connection.send(bytes)
                var ended = 0
                while ended < 50, let frame = try await connection.frame() {
                    if frame.kind == .headers, frame.has(Frame.endStream) { ended += 1 }
                }
                #expect(ended == 50)
            }
            #expect(listening.server.started >= 2000)
            await connection.close()
        }
    }

    /// Calls that are given up some time after they began are no flood, however many they are.
    @Test func clientsThatGiveUpAreNotRefused() async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            for round in 0..<7 {
                let streams = (0..<100).map { UInt32(2 * (100 * round + $0) + 1) }
                try await connection.send(streams.flatMap { Frame.request($0).bytes })
                try await eventually("the handlers to run") { listening.server.running == 100 }
                try await Task.sleep(for: .milliseconds(150))
                try await connection.send(streams.flatMap { Frame.reset(ErrorCode.cancel, stream: $0).bytes })
                try await eventually("the handlers to end") { listening.server.running == 0 }
            }
            #expect(try await connection.call(stream: 9999)["grpc-status"] == "0")
            await connection.close()
        }
    }
}
