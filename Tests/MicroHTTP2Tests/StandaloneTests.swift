import MicroHTTP2
import MicroTestSupport
import Testing

/// A server and a client of plain HTTP/2, written on the library alone, with each other.
@Suite(.timeLimit(.minutes(2))) struct StandaloneTests {
    private func withServer(
        _ limits: HTTP2Limits = HTTP2Limits(), clientLimits: HTTP2Limits = HTTP2Limits(),
        _ body: (PlainServer, PlainClient) async throws -> Void
    ) async throws {
        let server = try await PlainServer.open(limits)
        let client = try await PlainClient.connect(toPort: server.port, limits: clientLimits)
        try await body(server, client)
        client.leave()
        try await eventually("the connections to be closed") { server.closed >= 1 }
        try await server.close()
    }

    @Test func requestsWithAndWithoutBodiesAreAnswered() async throws {
        try await withServer { _, client in
            let hello = try await client.send("GET", "/hello")
            #expect(hello.status == "200")
            #expect(hello.text == "hello\n")
            #expect(try await client.send("GET", "/nowhere").status == "404")
            let echo = try await client.send("POST", "/echo", body: Array("abc".utf8))
            #expect(echo.text == "abc")
            #expect(echo.trailers["x-count"] == "3")
            let empty = try await client.send("POST", "/echo", body: [])
            #expect(empty.body.isEmpty)
            #expect(empty.trailers["x-count"] == "0")
        }
    }

    /// Far more than all windows and marks, both ways at once.
    @Test func longBodiesFlowBothWays() async throws {
        try await withServer { _, client in
            let body = (0..<8 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let echo = try await client.send("POST", "/echo", body: body)
            #expect(echo.body == body)
            #expect(echo.trailers["x-count"] == "\(body.count)")
            let bytes = try await client.send("GET", "/bytes/3000000")
            #expect(bytes.body.count == 3_000_000)
        }
    }

    @Test func resetsHaveTheirCodes() async throws {
        try await withServer { _, client in
            let reset = try await client.send("GET", "/reset")
            #expect(reset.reset == .cancel)
            let next = try await client.send("GET", "/hello")
            #expect(next.status == "200")
        }
    }

    /// Which kind of stream serves a request is decided by its content type, request by request.
    @Test func strictAndLenientStreamsShareAConnection() async throws {
        try await withServer { _, client in
            let lenient = ("content-type", "application/lenient")
            let forbidden = [("connection", "keep-alive"), ("content-length", "7")]
            for field in forbidden {
                let excused = try await client.send("POST", "/echo", [field, lenient], body: [1])
                #expect(excused.trailers["x-count"] == "1", "\(field)")
                let refused = try await client.send("POST", "/echo", [field], body: [1])
                #expect(refused.reset == .protocolError, "\(field)")
            }
            // What no request may have is excused for none.
            let bad = try await client.send("POST", "/echo", [("x-y", "a\u{1}b"), lenient], body: [1])
            #expect(bad.reset == .protocolError)
            #expect(try await client.send("GET", "/hello").status == "200")
        }
    }

    /// A client that knows the server's bound sends nothing beyond it.
    @Test func headsThatAreTooLongAreNotSent() async throws {
        try await withServer { _, client in
            let before = try await client.send("GET", "/hello")
            #expect(before.status == "200")
            let fields = (0..<30).map { ("x-field-\($0)", String(repeating: "v", count: 1000)) }
            let failure = await #expect(throws: PlainFailure.self) {
                _ = try await client.send("GET", "/hello", fields)
            }
            #expect(failure?.reason.contains("beyond 16384") == true)
            let after = try await client.send("GET", "/hello")
            #expect(after.status == "200")
        }
    }

    /// A client that takes nothing is sent nothing, and what waits for it is bounded.
    @Test func whatWaitsIsBounded() async throws {
        var limits = HTTP2Limits()
        limits.streamWindow = 1000
        try await withServer(clientLimits: limits) { server, client in
            async let bytes = client.send("GET", "/bytes/2000000")
            var most = 0
            for _ in 0..<50 {
                let waiting = try await server.onConnections { $0.counts.waitingBytes }
                most = max(most, waiting.max() ?? 0)
            }
            let answer = try await bytes
            #expect(answer.body.count == 2_000_000)
            #expect(most <= OutboundBody.highWatermark + (16 << 10))
        }
    }

    /// A client has more requests than the server allows at once.
    @Test func requestsWaitForTheirTurn() async throws {
        var limits = HTTP2Limits()
        limits.maximumConcurrentStreams = 2
        try await withServer(limits) { server, client in
            #expect(try await client.send("GET", "/hello").status == "200")
            try await withThrowingTaskGroup(of: PlainAnswer.self) { group in
                for _ in 0..<50 { group.addTask { try await client.send("GET", "/bytes/100000") } }
                for try await answer in group { #expect(answer.body.count == 100_000) }
            }
            let counts = try await server.onConnections(\.counts)
            #expect(counts.allSatisfy { $0.waitingBytes == 0 })
        }
    }

    @Test func aServerDrains() async throws {
        try await withServer { server, client in
            async let bytes = client.send("GET", "/bytes/3000000")
            try await eventually("the request to come") {
                try await server.onConnections { $0.counts.openStreams }.contains(1)
            }
            _ = try await server.onConnections { $0.drain() }
            let answer = try await bytes
            #expect(answer.body.count == 3_000_000)
            try await eventually("the client to know") { !client.isUsable }
            await #expect(throws: PlainFailure.self) { try await client.send("GET", "/hello") }
            try await eventually("the connection to close") { client.closeReason != nil }
        }
    }
}
