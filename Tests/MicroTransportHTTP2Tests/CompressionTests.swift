import HTTP2TestPeer
import MicroCore
import MicroTransportHTTP2
import Testing

@testable import MicroGRPC

/// Compression as it stands on the wire: fields, flags and the ends of bad messages.
@Suite(.timeLimit(.minutes(2))) struct CompressionTests {
    private static let text = [UInt8](repeating: 65, count: 5000)

    private static func packed(_ bytes: [UInt8] = text, _ compression: Compression = .gzip) throws -> [UInt8]
    {
        try #require(EncodedMessage(bytes).compressed(compression)).bytes
    }

    // MARK: Requests

    /// Makes a call whose message is compressed, and one more on its connection.
    private func request(
        _ encoding: String = "gzip", _ path: String = "/test.Test/Echo", body: [UInt8]
    ) async throws -> RawAnswer {
        var answer = RawAnswer()
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            answer = try await connection.call(path, more: [("grpc-encoding", encoding)], body: body)
            #expect(try await connection.call(stream: 3)["grpc-status"] == "0")
            await connection.close()
        }
        return answer
    }

    @Test func requestsMayBeCompressed() async throws {
        for path in ["/test.Test/Echo", "/test.Test/Stream"] {
            for compression in [Compression.gzip, .deflate] {
                let body = framed(try Self.packed(Self.text, compression), flag: 1)
                let answer = try await request(compression.rawValue, path, body: body)
                #expect(answer["grpc-status"] == "0")
                #expect(answer.body == framed(Self.text))
                #expect(answer.head.contains { $0 == ("grpc-accept-encoding", "identity,deflate,gzip") })
                #expect(!answer.head.contains { $0.0 == "grpc-encoding" })
            }
            // The flag says it for each message.
            #expect(try await request("gzip", path, body: framed([1, 2])).body == framed([1, 2]))
        }
        let mixed = framed(try Self.packed(), flag: 1) + framed([9]) + framed(try Self.packed(), flag: 1)
        let echo = framed(Self.text) + framed([9]) + framed(Self.text)
        #expect(try await request("gzip", "/test.Test/Stream", body: mixed).body == echo)
    }

    @Test func badCompressionEndsItsCallOnly() async throws {
        let packed = try Self.packed()
        let bomb = try Self.packed([UInt8](repeating: 0, count: 8 << 20))
        for path in ["/test.Test/Echo", "/test.Test/Stream"] {
            for (name, body, status) in [
                ("corrupt", [1, 2, 3, 4], "13"), ("empty", [], "13"),
                ("truncated", Array(packed.dropLast(3)), "13"), ("trailing", packed + [0], "13"),
                ("another format", try Self.packed(Self.text, .deflate), "13"), ("bomb", bomb, "8"),
            ] as [(String, [UInt8], String)] {
                let answer = try await request("gzip", path, body: framed(body, flag: 1))
                #expect(answer["grpc-status"] == status, "\(path) \(name)")
                #expect(answer["grpc-message"]?.contains("decompress") == true, "\(path) \(name)")
            }
            #expect(try await request("identity", path, body: framed(packed, flag: 1))["grpc-status"] == "13")
            #expect(try await request("gzip", path, body: framed(packed, flag: 2))["grpc-status"] == "13")
            let unknown = try await request("br", path, body: framed(packed, flag: 1))
            #expect(unknown["grpc-status"] == "12")
            #expect(unknown["grpc-accept-encoding"] == "identity,deflate,gzip")
        }
    }

    @Test func aStreamIsReadUpToItsBadMessage() async throws {
        let body = framed(try Self.packed(), flag: 1) + framed([1], flag: 1) + framed([5])
        let answer = try await request("gzip", "/test.Test/Stream", body: body)
        #expect(answer.body == framed(Self.text))
        #expect(answer["grpc-status"] == "13")
    }

    // MARK: Answers

    /// Makes a call that a handler answers with compression, of a client that accepts some.
    private func answer(
        _ compression: Compression, accepting list: String?, _ message: EncodedMessage = EncodedMessage(text),
        isStream: Bool = false
    ) async throws -> RawAnswer {
        let handler = ClosureHandler { _ in
            if isStream {
                return .stream(
                    { (_, stream) async throws(MicroError) in
                        try await stream.sendMetadata(["a": "b"], compression: compression)
                        // It is too late for another one.
                        try await stream.sendMetadata([:], compression: .deflate)
                        var plain = message
                        plain.skipsCompression = true
                        for one in [message, plain, message] { try await stream.send(one) }
                        return [:]
                    }, ExecutionPolicy())
            }
            return .unary({ _, _ in UnaryReply(message, compression: compression) }, ExecutionPolicy())
        }
        let listener = try await HTTP2Transport().listen(on: .host("127.0.0.1", port: 0), handler: handler)
        let connection = try await RawConnection.open(to: listener.address)
        let more = list.map { [("grpc-accept-encoding", $0)] } ?? []
        let answer = try await connection.call(more: more)
        await connection.close()
        await listener.shutdown(deadline: .now)
        return answer
    }

    @Test func answersAreCompressedForThoseWhoAccept() async throws {
        let gzip = try await answer(.gzip, accepting: "identity, gzip")
        #expect(gzip.head.contains { $0 == ("grpc-encoding", "gzip") })
        #expect(gzip.body == framed(try Self.packed(), flag: 1))
        #expect(gzip["grpc-status"] == "0")
        let deflate = try await answer(.deflate, accepting: "gzip,deflate")
        #expect(deflate.head.contains { $0 == ("grpc-encoding", "deflate") })
        #expect(deflate.body == framed(try Self.packed(Self.text, .deflate), flag: 1))
        for list in [nil, "", "identity", "deflate", "br, zstd"] as [String?] {
            for isStream in [false, true] {
                let plain = try await answer(.gzip, accepting: list, isStream: isStream)
                #expect(!plain.head.contains { $0.0 == "grpc-encoding" }, "\(list ?? "none")")
                #expect(plain.body.starts(with: framed(Self.text)), "\(list ?? "none")")
            }
        }
    }

    @Test func whatIsNotWorthItStaysAsItIs() async throws {
        var picture = EncodedMessage(Self.text)
        picture.skipsCompression = true
        for message in [picture, EncodedMessage(), EncodedMessage([1])] {
            let answer = try await answer(.gzip, accepting: "gzip", message)
            #expect(answer.body == framed(message.bytes))
            #expect(!answer.head.contains { $0.0 == "grpc-encoding" })
        }
    }

    @Test func messagesOfAStreamAreCompressedOneByOne() async throws {
        let answer = try await answer(.gzip, accepting: "gzip", isStream: true)
        let packed = framed(try Self.packed(), flag: 1)
        #expect(answer.body == packed + framed(Self.text) + packed)
        #expect(answer.head.filter { $0.0 == "grpc-encoding" }.map(\.1) == ["gzip"])
        #expect(answer.head.contains { $0 == ("a", "b") })
    }

    @Test func callsWithoutCompressionSayNothingOfIt() async throws {
        let plain = try await answer(.identity, accepting: "identity, deflate, gzip")
        #expect(plain.head.map(\.0) == [":status", "content-type"])
    }

    // MARK: What our client does

    /// Makes a unary call that a server of frames answers.
    private func call(
        _ compression: Compression, encoding: String?, body: [UInt8]
    ) async throws -> (
        request: (fields: [(String, String)], body: [UInt8]), outcome: Result<UnaryReply, MicroError>
    ) {
        let server = try await RawListener.open()
        let node = Node(id: "raw-1", address: "\(server.address)")
        async let outcome = unary(CallHead(path: "/test.Test/Echo", compression: compression), on: node)
        let peer = try await server.accept()
        try await peer.greetAsServer()
        let head = try #require(try await peer.frame { $0.kind == .headers })
        let fields = try peer.fields(of: head)
        let sent = try #require(try await peer.frame { $0.kind == .data }).payload
        let more = encoding.map { [("grpc-encoding", $0)] } ?? []
        try await peer.send(
            .headers([(":status", "200"), ("content-type", "application/grpc")] + more, stream: 1),
            .data(body, stream: 1), .headers([("grpc-status", "0")], stream: 1, ends: true))
        let result = try await outcome
        await peer.close()
        await server.close()
        return ((fields, sent), result)
    }

    private func unary(_ head: CallHead, on node: Node) async throws -> Result<UnaryReply, MicroError> {
        let connection = try await HTTP2Transport().connect(to: node, as: .host("localhost"))
        let result: Result<UnaryReply, MicroError>
        do throws(MicroError) {
            result = .success(try await connection.unary(head, EncodedMessage(Self.text)))
        } catch {
            result = .failure(error)
        }
        await connection.close(deadline: .now)
        return result
    }

    @Test func ourRequestsAreCompressedOnDemand() async throws {
        let plain = try await call(.identity, encoding: nil, body: framed([1])).request
        #expect(plain.fields.contains { $0 == ("grpc-accept-encoding", "identity,deflate,gzip") })
        #expect(!plain.fields.contains { $0.0 == "grpc-encoding" })
        #expect(plain.body == framed(Self.text))
        for compression in [Compression.gzip, .deflate] {
            let packed = try await call(compression, encoding: nil, body: framed([1])).request
            #expect(packed.fields.contains { $0 == ("grpc-encoding", compression.rawValue) })
            #expect(packed.body == framed(try Self.packed(Self.text, compression), flag: 1))
        }
    }

    @Test func ourClientUnderstandsWhatItOffers() async throws {
        for compression in [Compression.gzip, .deflate] {
            let body = framed(try Self.packed(Self.text, compression), flag: 1)
            let reply = try await call(.identity, encoding: compression.rawValue, body: body).outcome.get()
            #expect(reply.message == EncodedMessage(Self.text))
            #expect(reply.compression == compression)
            let plain = try await call(.gzip, encoding: compression.rawValue, body: framed([1])).outcome.get()
            #expect(plain.message == EncodedMessage([1]))
            #expect(plain.compression == .identity)
        }
    }

    @Test func badAnswersAreErrors() async throws {
        let packed = try Self.packed()
        for (encoding, body, status) in [
            ("br", framed(packed, flag: 1), RPCStatus.internal), ("br", framed([1]), .internal),
            (nil, framed(packed, flag: 1), .internal), ("identity", framed(packed, flag: 1), .internal),
            ("gzip", framed([1, 2, 3], flag: 1), .internal),
            ("gzip", framed(packed + [0], flag: 1), .internal),
            (
                "gzip", framed(try Self.packed([UInt8](repeating: 0, count: 5 << 20)), flag: 1),
                .resourceExhausted
            ),
        ] as [(String?, [UInt8], RPCStatus)] {
            let outcome = try await call(.identity, encoding: encoding, body: body).outcome
            guard case .failure(let error) = outcome else {
                Issue.record("\(encoding ?? "none"): the call succeeded")
                continue
            }
            #expect(error.status == status, "\(error)")
        }
    }

    @Test func aBadMessageEndsAStreamForItsReader() async throws {
        let server = try await RawListener.open()
        let node = Node(id: "raw-1", address: "\(server.address)")
        let connection = try await HTTP2Transport().connect(to: node, as: .host("localhost"))
        let peer = try await server.accept()
        try await peer.greetAsServer()
        let call = try await connection.open(CallHead(path: "/test.Test/Stream"))
        try await call.send(EncodedMessage([1]))
        _ = try await peer.frame { $0.kind == .data }
        try await peer.send(
            .headers(
                [(":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "gzip")],
                stream: 1),
            .data(framed(try Self.packed(), flag: 1) + framed([7], flag: 1) + framed([8]), stream: 1))
        #expect(try await call.receive() == EncodedMessage(Self.text))
        for _ in 0..<2 {
            let error = try await failure { _ = try await call.receive() }
            #expect(error?.status == .internal)
            #expect(error?.detail.contains("decompress") == true)
        }
        #expect(try await peer.frame { $0.kind == .reset }?.number(at: 0) == ErrorCode.cancel)
        await connection.close(deadline: .now)
        await peer.close()
        await server.close()
    }
}
