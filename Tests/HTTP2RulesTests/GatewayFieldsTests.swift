import HTTP2TestPeer
import InMemoryLogging
import Logging
import MicroCore
import MicroTransportHTTP2
import Testing

/// Calls that entered a go-micro fleet through its HTTP gateway, which passes all fields of HTTP/1.1 on as metadata.
@Suite(.timeLimit(.minutes(2))) struct GatewayFieldsTests {
    /// What `micro api` makes of a request of curl's.
    private static let fields = [
        ("accept", "*/*"), ("connection", "keep-alive"), ("content-length", "14"), ("host", "localhost:8080"),
        ("keep-alive", "timeout=5"), ("method", "POST"), ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"), ("upgrade", "h2c"), ("user-agent", "curl/7.88.1"),
        ("x-forwarded-for", "127.0.0.1"),
    ]

    @Test func aCallFromTheGatewayIsServedWithoutThem() async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            for stream in [1, 3] as [UInt32] {
                let answer = try await connection.call(more: Self.fields, stream: stream)
                #expect(answer["grpc-status"] == "0")
                #expect(answer.body == framed([1, 2, 3]))
            }
            let metadata = try #require(listening.server.heads.last).metadata
            #expect(
                metadata.map(\.name) == ["accept", "host", "method", "user-agent", "x-forwarded-for"])
            await connection.close()
        }
    }

    /// On one connection, in one read: calls are served, and every other stream must keep to the rules.
    @Test func otherStreamsOfTheConnectionMustKeepToTheRules() async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            let call = RawConnection.request("/test.Test/Echo", more: Self.fields)
            func other(
                _ changes: [String: String?], _ more: [(String, String)] = []
            ) -> [(String, String)] {
                RawConnection.request("/test.Test/Echo", changes, more: more)
            }
            let get = other([":method": "GET", "content-type": nil], [("connection", "close")])
            let json = other(["content-type": "application/json"], [("content-length", "9")])
            let upper = RawConnection.request("/test.Test/Echo", more: Self.fields + [("Upper", "x")])
            let late = RawConnection.request("/test.Test/Echo", more: Self.fields + [(":authority", "x")])
            let good = other(["content-type": "application/json"], [("content-length", "6")])
            try await connection.send(
                .headers(call, stream: 1), .headers(get, stream: 3, ends: true),
                .headers(call, stream: 5), .headers(json, stream: 7), .headers(upper, stream: 9),
                .data(framed([1]), stream: 1, ends: true), .data(framed([1]), stream: 7, ends: true),
                .headers(late, stream: 11), .headers(good, stream: 13),
                .data(framed([5]), stream: 5, ends: true), .data(framed([1]), stream: 13, ends: true))
            var answers: [UInt32: RawAnswer] = [:]
            var open: Set<UInt32> = [1, 3, 5, 7, 9, 11, 13]
            while !open.isEmpty, let frame = try await connection.frame() {
                if frame.kind == .headers {
                    let fields = try connection.fields(of: frame)
                    if answers[frame.stream] == nil {
                        answers[frame.stream] = RawAnswer()
                        answers[frame.stream]?.head = fields
                    } else {
                        answers[frame.stream]?.trailers = fields
                    }
                }
                if frame.kind == .reset {
                    answers[frame.stream, default: RawAnswer()].reset = frame.number(at: 0)
                }
                let canEnd = frame.kind == .headers || frame.kind == .data
                if frame.kind == .reset || canEnd && frame.has(Frame.endStream) { open.remove(frame.stream) }
            }
            for stream in [1, 5] as [UInt32] { #expect(answers[stream]?["grpc-status"] == "0", "\(stream)") }
            for stream in [3, 7, 9, 11] as [UInt32] {
                #expect(answers[stream]?.reset == ErrorCode.protocolError, "\(stream)")
                #expect(answers[stream]?.head.isEmpty == true)
            }
            #expect(answers[13]?.httpStatus == "415")
            #expect(try await connection.call(stream: 101)["grpc-status"] == "0")
            await connection.close()
        }
    }

    @Test func aStrictServerRefusesThemAndSaysSoOnce() async throws {
        let log = InMemoryLogHandler()
        try await withLogger(Logger(label: "test") { _ in log }) { _ in
            var configuration = HTTP2Transport.Configuration()
            configuration.isStrictOnFields = true
            try await withTestServer(configuration) { listening in
                let connection = try await RawConnection.open(to: listening.address)
                for stream in [1, 3, 5] as [UInt32] {
                    let answer = try await connection.call(more: Self.fields, stream: stream)
                    #expect(answer.reset == ErrorCode.protocolError)
                }
                #expect(try await connection.call(stream: 7)["grpc-status"] == "0")
                await connection.close()
            }
        }
        let lines = log.entries.filter { $0.message.description.contains("malformed") }
        #expect(lines.count == 1)
        #expect(lines.first?.level == .warning)
        #expect("\(lines.first?.metadata["reason"] ?? "")" == "a field of the connection of HTTP/1.1")
        #expect("\(lines.first?.metadata["url.path"] ?? "")" == "/test.Test/Echo")
    }
}
