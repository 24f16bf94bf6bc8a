import HTTP2TestPeer
import MicroCore
import MicroTransportHTTP2
import Testing

/// Errors and metadata that are longer than a header list may be: every call ends, and says why.
@Suite(.timeLimit(.minutes(2))) struct LongErrorTests {
    /// Makes a unary call and a stream that end with an error.
    private func outcomes(of error: MicroError) async throws -> [MicroError] {
        var outcomes: [MicroError?] = []
        try await withAnswers({ (_) throws(MicroError) in throw error }) { connection, _ in
            outcomes.append(
                try await failure {
                    _ = try await connection.unary(CallHead(path: "/e.E/Unary"), EncodedMessage())
                })
            outcomes.append(
                try await failure {
                    let call = try await connection.open(CallHead(path: "/e.E/Stream"))
                    while try await call.receive() != nil {}
                })
        }
        return try outcomes.map { try #require($0) }
    }

    @Test(
        arguments: [66_000, 20_000, 1_000_000],
        ["", "greeter", "go.micro.srv.greeter-with-a-name-of-some-length"])
    func longTextsAreShortened(_ count: Int, _ id: String) async throws {
        for text in ["x", "%", "\"", "é", "\u{1F608}"] {
            let detail = "It began so: " + String(repeating: text, count: count / text.utf8.count)
            let error = MicroError(.notFound, detail, id: id)
            for outcome in try await outcomes(of: error) {
                #expect(outcome.status == .notFound)
                #expect(outcome.httpCode == 404)
                #expect(outcome.id == id)
                #expect(outcome.detail.hasPrefix("It began so: " + String(repeating: text, count: 100)))
                #expect(outcome.detail.hasSuffix("… [shortened from \(detail.utf8.count) bytes]"))
                #expect(!outcome.detail.contains("\u{FFFD}"))
            }
        }
    }

    @Test func textsThatFitAreLeftAlone() async throws {
        for id in ["", "greeter"] {
            let error = MicroError(.notFound, String(repeating: "x", count: 1500), id: id)
            for outcome in try await outcomes(of: error) { #expect(outcome == error) }
        }
    }

    @Test func longIdsAreShortened() async throws {
        let error = MicroError(.notFound, "Nothing.", id: String(repeating: "i", count: 70_000))
        for outcome in try await outcomes(of: error) {
            #expect(outcome.status == .notFound)
            #expect(outcome.id.hasPrefix("iii"))
            #expect(outcome.detail == "Nothing.")
        }
    }

    @Test func whatArrivesFitsTheClient() async throws {
        let error = MicroError(.notFound, String(repeating: "x", count: 66_000), id: "greeter")
        try await withAnswers({ (_) throws(MicroError) in throw error }) { _, address in
            for limit in [1024, 4000, 16384] as [UInt32] {
                let connection = try await RawConnection.open(to: address)
                try await connection.send(
                    Frame(.settings, [0, 6] + limit.bigEndianBytes),
                    .headers(RawConnection.request("/e.E/Unary", more: [("micro-x", "1")]), stream: 1),
                    .data(framed([]), stream: 1, ends: true))
                let answer = try await connection.answer(on: 1)
                #expect(answer["grpc-status"] == "5")
                #expect(answer["grpc-message"]?.contains("greeter") == true)
                #expect(answer["grpc-status-details-bin"] != nil)
                let size = answer.head.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 32 }
                // gRPC's C core drops lists above 8 KiB, whatever it announces.
                #expect(size <= min(Int(limit), 8192))
                await connection.close()
            }
        }
    }

    @Test func longDetailsAreLeftOutAndTheTextSaysSo() async throws {
        var error = MicroError(.failedPrecondition, "Not now.")
        error.rpcDetails =
            [8, 9, 18, 1, 100] + [26, 0xF0, 0xA2, 0x04] + [UInt8](repeating: 0, count: 70_000)
        for outcome in try await outcomes(of: error) {
            #expect(outcome.status == .failedPrecondition)
            #expect(outcome.detail == "Not now. [its details, of 70009 bytes, were too long to be sent]")
            #expect(outcome.rpcDetails == nil)
        }
        // What fits arrives, also beside a long text.
        error.rpcDetails = [8, 9, 18, 1, 100] + [26, 0xF0, 0x2E] + [UInt8](repeating: 0, count: 6000)
        error.detail = String(repeating: "x", count: 20_000)
        for outcome in try await outcomes(of: error) {
            #expect(outcome.rpcDetails == error.rpcDetails)
            #expect(outcome.detail.hasPrefix("xxxx"))
        }
    }

    @Test func longMetadataOfAnErrorEndsTheCall() async throws {
        var error = MicroError(.notFound, "There is no such greeting.", id: "greeter")
        error.trailingMetadata = ["x-long": String(repeating: "v", count: 70_000)]
        for outcome in try await outcomes(of: error) {
            #expect(outcome.status == .resourceExhausted)
            #expect(outcome.id == "greeter")
            #expect(outcome.detail.contains("70038 bytes"))
            #expect(outcome.detail.contains("There is no such greeting."))
        }
    }

    @Test func longMetadataOfAReplyEndsTheCall() async throws {
        let long: Metadata = ["x-long": String(repeating: "v", count: 70_000)]
        for isTrailing in [false, true] {
            try await withAnswers({ (_) throws(MicroError) in
                UnaryReply(
                    EncodedMessage([1]), metadata: isTrailing ? [:] : long,
                    trailingMetadata: isTrailing ? long : [:]
                )
            }) { connection, _ in
                let unary = try await failure {
                    _ = try await connection.unary(CallHead(path: "/e.E/Unary"), EncodedMessage())
                }
                #expect(unary?.status == .resourceExhausted)
                #expect(unary?.detail.contains("70038 bytes") == true)
                guard isTrailing else { return }
                let call = try await connection.open(CallHead(path: "/e.E/Stream"))
                let stream = try await failure { while try await call.receive() != nil {} }
                #expect(stream?.status == .resourceExhausted)
            }
        }
    }

    @Test func longMetadataInFrontOfAStreamEndsTheCall() async throws {
        let handler = ClosureHandler { _ in
            .stream(
                { (_, stream) async throws(MicroError) in
                    try await stream.sendMetadata(["x-long": String(repeating: "v", count: 20_000)])
                    try await stream.send(EncodedMessage([1]))
                    return [:]
                }, ExecutionPolicy())
        }
        try await withConnection(to: handler) { connection, _ in
            let call = try await connection.open(CallHead(path: "/e.E/Stream"))
            let error = try await failure { while try await call.receive() != nil {} }
            #expect(error?.status == .resourceExhausted)
            #expect(error?.detail.contains("20038 bytes") == true)
        }
    }

    @Test func longRequestsAreRefusedBeforeTheyAreSent() async throws {
        try await withAnswers({ (_) throws(MicroError) in UnaryReply(EncodedMessage()) }) { connection, _ in
            let long: Metadata = ["x-long": String(repeating: "v", count: 70_000)]
            let path = "/e.E/" + String(repeating: "p", count: 70_000)
            for head in [CallHead(path: "/e.E/Unary", metadata: long), CallHead(path: path)] {
                let unary = try await failure { _ = try await connection.unary(head, EncodedMessage()) }
                let stream = try await failure { _ = try await connection.open(head) }
                for error in [unary, stream] {
                    #expect(error?.status == .resourceExhausted)
                    #expect(error?.processed == .no)
                    #expect(error?.id == "go.micro.client")
                }
            }
            _ = try await connection.unary(CallHead(path: "/e.E/Unary"), EncodedMessage())
        }
    }

    /// Of trailers that are too long, the status is kept, and what was read of the message.
    @Test func longTrailersKeepTheStatus() async throws {
        let fields: [[(String, String)]] = [
            [
                ("grpc-status", "5"), ("grpc-message", "gone"),
                ("x-long", String(repeating: "v", count: 17_000)),
            ],
            [
                ("x-long", String(repeating: "v", count: 17_000)), ("grpc-status", "5"),
                ("grpc-message", "gone"),
            ],
            [("grpc-status", "5"), ("grpc-message", "gone" + String(repeating: "v", count: 17_000))],
        ]
        for trailers in fields {
            for error in try await understood(trailers) {
                #expect(error?.status == .notFound)
                #expect(error?.detail.hasPrefix("gone") == true)
                #expect(error?.detail.contains("beyond 16384 bytes, was dropped") == true)
            }
        }
        for error in try await understood([
            ("grpc-status", "0"), ("x-long", String(repeating: "v", count: 17_000)),
        ]) {
            #expect(error?.status == .resourceExhausted)
        }
    }

    /// Returns what our client makes of trailers, as the whole answer and behind a message.
    private func understood(_ trailers: [(String, String)]) async throws -> [MicroError?] {
        let server = try await RawListener.open()
        let connection = try await HTTP2Transport().connect(
            to: Node(id: "raw-1", address: "\(server.address)"), as: .host("localhost"))
        let peer = try await server.accept()
        try await peer.greetAsServer()
        let head = [(":status", "200"), ("content-type", "application/grpc")]
        var errors: [MicroError?] = []
        for stream in [1, 3] as [UInt32] {
            async let error = failure {
                _ = try await connection.unary(CallHead(path: "/e.E/Unary"), EncodedMessage([1]))
            }
            _ = try await peer.frame { $0.kind == .data }
            if stream == 1 {
                try await peer.send(inFrames(head + trailers, stream: stream))
            } else {
                try await peer.send(
                    Frame.headers(head, stream: stream).bytes + Frame.data(framed([1]), stream: stream).bytes
                        + inFrames(trailers, stream: stream))
            }
            errors.append(try await error)
        }
        await connection.close(deadline: .now)
        await peer.close()
        await server.close()
        return errors
    }

    /// A header block that ends its stream, in a HEADERS frame and those that carry it on.
    private func inFrames(_ fields: [(String, String)], stream: UInt32) -> [UInt8] {
        let block = Frame.block(fields)
        let rest = Array(block.dropFirst(16384))
        let first = Frame(
            .headers, flags: Frame.endStream | (rest.isEmpty ? Frame.endHeaders : 0), stream: stream,
            Array(block.prefix(16384)))
        let second = Frame(.continuation, flags: Frame.endHeaders, stream: stream, rest)
        return first.bytes + (rest.isEmpty ? [] : second.bytes)
    }
}
