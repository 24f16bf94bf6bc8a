import HTTP2TestPeer
import MicroCore
import MicroTransportHTTP2
import Testing

/// The answers of go-micro servers, byte by byte, to a client of ours.
@Suite(.timeLimit(.minutes(2))) struct GoMicroClientTests {
    @Test(arguments: RecordedExchange.answered)
    func understandsGoMicrosAnswer(_ exchange: RecordedExchange) async throws {
        let response = try #require(exchange.response)
        let server = try await RawListener.open()
        let node = Node(id: "recorded-1", address: "\(server.address)")
        async let outcome = call(exchange, at: node)
        let peer = try await server.accept()
        try await peer.greetAsServer()
        let request = try #require(try await peer.frame { $0.kind == .headers })
        expect(try peer.fields(of: request), exchange.request)
        // The answer comes when the whole request is there, as go-micro's did.
        try await peer.send(.windowUpdate(1 << 20, stream: 0), .windowUpdate(1 << 20, stream: 1))
        var missing = RecordedExchange.messages(exchange.request.data).reduce(0) { $0 + 5 + $1.count }
        while missing > 0, let data = try await peer.frame(where: { $0.kind == .data }) {
            missing -= data.payload.count
        }
        try await answer(response, to: peer)

        let (messages, error) = try await outcome
        #expect(messages == RecordedExchange.messages(response.data))
        let ending = response.trailersOnly ? response.headers : response.trailers
        #expect((error?.status.rawValue ?? 0) == Int(ending.value("grpc-status") ?? ""))
        expect(error, exchange.name)
        await peer.close()
        await server.close()
    }

    /// Makes the call, and returns the messages of the answer and how it ended.
    private func call(
        _ exchange: RecordedExchange, at node: Node
    ) async throws -> (messages: [[UInt8]], error: MicroError?) {
        let connection = try await HTTP2Transport().connect(to: node, as: .host("localhost"))
        let fields = exchange.request.headers
        let type = fields.value("content-type") ?? ""
        var head = CallHead(
            path: fields.value(":path") ?? "", contentSubtype: type.hasSuffix("json") ? "json" : "proto",
            deadline: .now + .seconds(300))
        head.metadata.add("John", for: "micro-from-service")
        var messages: [[UInt8]] = []
        let error = try await failure {
            let stream = try await connection.open(head)
            for message in RecordedExchange.messages(exchange.request.data) {
                try await stream.send(EncodedMessage(message))
            }
            while let message = try await stream.receive() { messages.append(message.bytes) }
        }
        await connection.close(deadline: .now)
        return (messages, error)
    }

    private func expect(_ fields: [(String, String)], _ request: RecordedExchange.Request) {
        let found = Dictionary(fields, uniquingKeysWith: { first, _ in first })
        for name in [":method", ":scheme", ":path", "content-type", "te"] {
            #expect(found[name] == request.headers.value(name))
        }
        #expect(found["x-content-type"] == found["content-type"])
        #expect(found["grpc-timeout"]?.isEmpty == false)
        #expect(found["timeout"].flatMap { Int($0) } != nil)
        #expect(found["user-agent"] != nil)
        #expect(found["micro-from-service"] == "John")
        #expect(found[":authority"]?.hasPrefix("127.0.0.1:") == true)
        let order = fields.map(\.0)
        #expect(Set(order.prefix(4)).allSatisfy { $0.hasPrefix(":") })
    }

    private func answer(_ response: RecordedExchange.Response, to peer: RawConnection) async throws {
        let head = response.headers.map { ($0[0], $0[1]) }
        guard !response.trailersOnly else {
            return try await peer.send(.headers(head, stream: 1, ends: true))
        }
        try await peer.send(.headers(head, stream: 1))
        for body in response.data { try await peer.send(.data(body.bytes, stream: 1)) }
        let trailers = response.trailers.map { ($0[0], $0[1]) }
        try await peer.send(.headers(trailers, stream: 1, ends: true))
        // The client may have closed by now: the answer was complete.
        if response.reset != nil { try? await peer.send(.reset(ErrorCode.none, stream: 1)) }
    }

    private func expect(_ error: MicroError?, _ name: String) {
        switch name {
        case "go-micro error", "stream that ends with a go-micro error":
            #expect(error?.id == "go.micro.srv.greeter")
            #expect(error?.httpCode == 400)
            #expect(error?.detail == "bad request detail")
            #expect(error?.statusText == "Bad Request")
        case "go-micro error with text that must be encoded":
            #expect(error?.httpCode == 404)
            #expect(error?.detail == "späte % detail")
            #expect(error?.statusText == "Not Found")
        case "plain error":
            #expect(error?.id == "")
            #expect(error?.detail == "bad request detail")
        case "unknown method":
            #expect(error?.detail == "unknown service Greeter.Nope")
        default: return
        }
    }
}
