import HTTP2TestPeer
import MicroCore
import MicroTransportHTTP2
import Testing

/// What stands in fields: white space at the edges, names that belong to the protocol, and texts that can't stand
/// in a field at all.
@Suite(.timeLimit(.minutes(2))) struct FieldValueTests {
    private static let edges = ["boom ", " boom", " ", "  two  ", "\tboom\t", "boom\n"]

    @Test func whiteSpaceAtTheEdgesOfAnErrorArrives() async throws {
        for id in ["", "greeter"] {
            for text in Self.edges {
                try await withAnswers({ (_) throws(MicroError) in throw MicroError(.aborted, text, id: id) })
                {
                    connection, address in
                    for path in ["/e.E/Unary", "/e.E/Stream"] {
                        let error = try await failure {
                            let call = try await connection.open(CallHead(path: path))
                            try await call.send(EncodedMessage())
                            try await call.finish()
                            while try await call.receive() != nil {}
                        }
                        #expect(error?.status == .aborted)
                        #expect(error?.detail == text)
                    }
                    let raw = try await RawConnection.open(to: address)
                    let message = try #require(try await raw.call("/e.E/Unary")["grpc-message"])
                    #expect(message.first != " " && message.last != " ", "\(message)")
                    await raw.close()
                }
            }
        }
    }

    /// What gRPC's C core sends: bare spaces.
    @Test func whiteSpaceAtTheEdgesIsTakenFromServers() async throws {
        let server = try await RawListener.open()
        let connection = try await HTTP2Transport().connect(
            to: Node(id: "raw-1", address: "\(server.address)"), as: .host("localhost"))
        let peer = try await server.accept()
        try await peer.greetAsServer()
        async let outcome = failure {
            _ = try await connection.unary(CallHead(path: "/e.E/Unary"), EncodedMessage([1]))
        }
        _ = try await peer.frame { $0.kind == .data }
        let head = [(":status", "200"), ("content-type", "application/grpc"), ("x-head", " h ")]
        try await peer.send(
            .headers(head, stream: 1), .data(framed([1]), stream: 1),
            .headers(
                [("grpc-status", "10"), ("grpc-message", " boom "), ("x-tail", "t ")], stream: 1, ends: true))
        let error = try await outcome
        #expect(error?.status == .aborted)
        #expect(error?.detail == " boom ")
        #expect(error?.trailingMetadata["x-tail"] == "t ")
        await connection.close(deadline: .now)
        await peer.close()
        await server.close()
    }

    /// gRPC allows white space at the edges of metadata to be stripped, and HTTP/2 forbids it.
    @Test func whiteSpaceAtTheEdgesOfMetadataIsStripped() async throws {
        try await withAnswers({ (head) throws(MicroError) in
            UnaryReply(
                EncodedMessage(), metadata: head.metadata.only("x-"), trailingMetadata: ["x-tail": " t "])
        }) { connection, _ in
            let metadata: Metadata = ["x-a": " v ", "x-b": "  ", "x-c": "a b"]
            let reply = try await connection.unary(
                CallHead(path: "/e.E/Unary", metadata: metadata), EncodedMessage())
            #expect(reply.metadata["x-a"] == "v")
            #expect(reply.metadata["x-b"] == "")
            #expect(reply.metadata["x-c"] == "a b")
            #expect(reply.trailingMetadata["x-tail"] == "t")
        }
    }

    static let reserved = [
        "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te", "content-type",
        "content-length", "grpc-status", "grpc-timeout", "timeout", "x-content-type",
    ]

    @Test(arguments: reserved) func reservedNamesAreRefusedByTheClient(_ name: String) async throws {
        try await withAnswers({ (_) throws(MicroError) in UnaryReply(EncodedMessage()) }) { connection, _ in
            let head = CallHead(path: "/e.E/Unary", metadata: [name: "x"])
            let unary = try await failure { _ = try await connection.unary(head, EncodedMessage()) }
            let stream = try await failure { _ = try await connection.open(head) }
            for error in [unary, stream] {
                #expect(error?.status == .invalidArgument)
                #expect(error?.detail.contains("\"\(name)\"") == true)
                #expect(error?.processed == .no)
            }
            _ = try await connection.unary(CallHead(path: "/e.E/Unary"), EncodedMessage())
        }
    }

    @Test(arguments: reserved) func reservedNamesAreRefusedByTheServer(_ name: String) async throws {
        for isTrailing in [false, true] {
            let bad: Metadata = [name: "x"]
            try await withAnswers({ (_) throws(MicroError) in
                UnaryReply(
                    EncodedMessage(), metadata: isTrailing ? [:] : bad,
                    trailingMetadata: isTrailing ? bad : [:])
            }) { connection, _ in
                let error = try await failure {
                    _ = try await connection.unary(CallHead(path: "/e.E/Unary"), EncodedMessage())
                }
                #expect(error?.status == .internal)
                #expect(error?.detail.contains("\"\(name)\"") == true)
            }
        }
    }

    @Test func reservedNamesInFrontOfAStreamAreTheHandlersError() async throws {
        let handler = ClosureHandler { _ in
            .stream(
                { (_, stream) async throws(MicroError) in
                    try await stream.sendMetadata(["connection": "close"])
                    return [:]
                }, ExecutionPolicy())
        }
        try await withConnection(to: handler) { connection, _ in
            let call = try await connection.open(CallHead(path: "/e.E/Stream"))
            let error = try await failure { while try await call.receive() != nil {} }
            #expect(error?.status == .internal)
            #expect(error?.detail.contains("\"connection\"") == true)
        }
    }

    /// An error is not lost for a field beside it that can't be sent, such as one of another server's.
    @Test func anErrorSurvivesItsMetadata() async throws {
        var sent = MicroError(.notFound, "d", id: "x")
        sent.trailingMetadata = ["connection": "close", "x-accent": "é", "x-good": "g"]
        let error = sent
        try await withAnswers({ (_) throws(MicroError) in throw error }) { connection, _ in
            let got = try await failure {
                _ = try await connection.unary(CallHead(path: "/e.E/Unary"), EncodedMessage())
            }
            #expect(got?.status == .notFound)
            #expect(got?.trailingMetadata == ["x-good": "g"])
        }
    }

    @Test func pathsAndTypesThatCannotBeSentAreRefused() async throws {
        try await withAnswers({ (_) throws(MicroError) in UnaryReply(EncodedMessage()) }) { connection, _ in
            for head in [
                CallHead(path: ""), CallHead(path: "e.E/Unary"), CallHead(path: "/e.E/Un ary"),
                CallHead(path: "/e.E/Unary\n"), CallHead(path: "/e.E/Unary", contentSubtype: "js on"),
            ] {
                let error = try await failure { _ = try await connection.unary(head, EncodedMessage()) }
                #expect(error?.status == .invalidArgument, "\(head.path)")
                #expect(error?.processed == .no)
            }
            _ = try await connection.unary(CallHead(path: "/e.E/Unary"), EncodedMessage())
        }
    }
}
