import Micro
import MicroCore
import MicroRegistryMemory
import Synchronization
import Testing

/// Who decides whether a call is compressed, and how the transport is told.
@Suite("Compression", .timeLimit(.minutes(2)))
struct CompressionTests {
    private static let components = ComponentGroup {
        hello
        Endpoint("Greeter.Gzip") { (request: HelloRequest, context) in HelloReply(message: "") }
            .compressed(.gzip)
        Endpoint("Greeter.Plain") { (request: HelloRequest, context) in HelloReply(message: "") }
            .compressed(.identity)
        Endpoint("Greeter.Chosen") { (request: HelloRequest, context) in
            context.responseCompression = Compression(rawValue: request.name) ?? .identity
            context.trailingMetadata["was"] = "\(context.responseCompression)"
            return HelloReply(message: "")
        }
        Endpoint("Greeter.Stream") {
            (request: HelloRequest, replies: MessageWriter<HelloReply>, context) in
            context.responseMetadata["a"] = "b"
            if request.name == "late" {
                try await replies.write(HelloReply(message: "1"))
                context.responseCompression = .deflate
            }
            try await replies.write(HelloReply(message: "2"))
            try await replies.writeUncompressed(HelloReply(message: "3"))
        }.compressed(.gzip)
        Endpoint("Greeter.PlainStream") {
            (request: HelloRequest, replies: MessageWriter<HelloReply>, context) in
            try await replies.write(HelloReply(message: "1"))
        }
    }

    /// Runs a test with the handler that a transport gets.
    private func withHandler(
        _ environment: [String: String] = [:], _ body: (any CallHandler) async throws -> Void
    ) async throws {
        let transport = CapturingTransport()
        let service = makeService(transport: transport, environment: environment) { Self.components }
        try await service.withRunning { _ in try await body(try #require(transport.handler)) }
    }

    private func reply(_ handler: any CallHandler, _ method: String, _ name: String = "") async throws
        -> UnaryReply
    {
        let head = CallHead(path: "/greeter.Greeter/\(method)", contentSubtype: "json")
        guard case .unary(let run, _) = handler.accept(head) else { throw CancellationError() }
        return try await run(head, EncodedMessage(#"{"name":"\#(name)"}"#.utf8))
    }

    @Test("off by default; an endpoint's choice goes before the service's, a handler's before both")
    func precedence() async throws {
        try await withHandler { handler in
            let replies = [
                try await reply(handler, "Hello"), try await reply(handler, "Gzip"),
                try await reply(handler, "Chosen", "deflate"),
            ]
            #expect(replies.map(\.compression) == [.identity, .gzip, .deflate])
        }
        try await withHandler(["MICRO_SERVER_COMPRESSION": "Deflate"]) { handler in
            let replies = [
                try await reply(handler, "Hello"), try await reply(handler, "Gzip"),
                try await reply(handler, "Plain"), try await reply(handler, "Chosen", "identity"),
            ]
            #expect(replies.map(\.compression) == [.deflate, .gzip, .identity, .identity])
            #expect(replies.last?.trailingMetadata["was"] == "identity")
        }
    }

    @Test("a stream is told once, in front of its first message, and leaves messages as they are")
    func streams() async throws {
        try await withHandler { handler in
            for (method, name, heads, skips) in [
                ("Stream", "", ["b gzip"], [false, true]),
                ("Stream", "late", ["b gzip"], [false, false, true]), ("PlainStream", "", [], [false]),
            ] {
                let head = CallHead(path: "/greeter.Greeter/\(method)", contentSubtype: "json")
                guard case .serverStream(let run, _) = handler.accept(head) else {
                    throw CancellationError()
                }
                let stream = RecordingStream()
                _ = try await run(head, EncodedMessage(#"{"name":"\#(name)"}"#.utf8), stream)
                #expect(stream.heads.withLock(\.self) == heads)
                #expect(stream.skips.withLock(\.self) == skips)
            }
        }
    }

    @Test("a client's requests: the call's choice goes before the configuration")
    func client() async throws {
        for (environment, option, wanted) in [
            ([:], nil, Compression.identity), ([:], .gzip, .gzip),
            (["MICRO_CLIENT_COMPRESSION": "gzip"], nil, .gzip),
            (["MICRO_CLIENT_COMPRESSION": "gzip"], .identity, .identity),
            (["MICRO_CLIENT_COMPRESSION": "gzip"], .deflate, .deflate),
        ] as [([String: String], Compression?, Compression)] {
            let transport = ScriptedTransport { _, head, _ throws(MicroError) in "\(head.compression)" }
            let client = MicroClient(
                registry: MemoryRegistry(), transports: [transport], plugins: testPlugins,
                configuration: .test(environment))
            try await withMicroClient(client) { client in
                let options = CallOptions(address: "127.0.0.1:1", compression: option)
                let used = try await client.hello(options: options)
                #expect(used == "\(wanted)")
            }
        }
    }

    @Test("a compression that nobody knows stops the start", arguments: ["SERVER", "CLIENT"])
    func unknown(_ side: String) async throws {
        let service = makeService(environment: ["MICRO_\(side)_COMPRESSION": "zstd"]) { hello }
        let error = try await #require(throws: StartError.self) { try await service.withRunning { _ in } }
        #expect(error.message.contains("MICRO_\(side)_COMPRESSION is \"zstd\""))
        #expect(error.message.contains("identity, gzip or deflate"))
    }
}

/// A stream that notes what is sent on it.
private final class RecordingStream: ServerCallStream {
    let heads = Mutex<[String]>([])
    let skips = Mutex<[Bool]>([])

    func receive() async throws(MicroError) -> EncodedMessage? { nil }

    func send(_ message: EncodedMessage) async throws(MicroError) {
        skips.withLock { $0.append(message.skipsCompression) }
    }

    func sendMetadata(_ metadata: Metadata) async throws(MicroError) {
        try await sendMetadata(metadata, compression: .identity)
    }

    func sendMetadata(_ metadata: Metadata, compression: Compression) async throws(MicroError) {
        heads.withLock { $0.append("\(metadata["a"] ?? "-") \(compression)") }
    }
}
