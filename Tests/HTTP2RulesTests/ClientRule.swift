import HTTP2TestPeer
import MicroCore
import MicroTransportHTTP2
import Testing

/// Something that a server sends to a client that waits for the answer of its call on stream 1, and what the RFC
/// has the client do about it.
struct ClientRule: CustomTestStringConvertible, Sendable {
    /// What answers it.
    enum Answer: Sendable {
        /// A GOAWAY with one of the codes, and the connection's end.
        case connectionError([UInt32])
        /// A RST_STREAM with one of the codes; the call fails, and the connection goes on.
        case streamError([UInt32])
        /// The call succeeds.
        case success
    }

    /// The section, and what it says in a few words.
    var rule: String
    var answer: Answer
    var bytes: [UInt8]

    /// Whether the server greets the client, and waits for its call, before it sends the bytes.
    var greets = true

    var testDescription: String { rule }

    init(_ rule: String, _ answer: Answer, _ frames: Frame...) {
        self.init(rule, answer, bytes: frames.flatMap(\.bytes))
    }

    init(_ rule: String, _ answer: Answer, greets: Bool = true, bytes: [UInt8]) {
        (self.rule, self.answer, self.bytes, self.greets) = (rule, answer, bytes, greets)
    }

    static let head = [(":status", "200"), ("content-type", "application/grpc")]

    /// A good answer to a call.
    static func answer(_ stream: UInt32) -> [Frame] {
        [
            .headers(head, stream: stream), .data(framed([1]), stream: stream),
            .headers([("grpc-status", "0")], stream: stream, ends: true),
        ]
    }

    /// Sends it to a client of its own, and looks at what comes back.
    func check() async throws {
        let server = try await RawListener.open()
        var configuration = HTTP2Transport.Configuration()
        configuration.clientKeepaliveInterval = .seconds(5)
        configuration.keepaliveTimeout = .seconds(5)
        let connection = try await HTTP2Transport(configuration: configuration).connect(
            to: Node(id: "raw-1", address: "\(server.address)"), as: .host("localhost"))
        let peer = try await server.accept()
        if greets { try await peer.greetAsServer() } else { _ = try await peer.bytes(Frame.preface.count) }
        async let outcome = call(connection)
        if greets { _ = try await peer.frame { $0.kind == .data && $0.stream == 1 } }
        try await peer.send(bytes)
        try await check(connection, peer)
        let error = try await outcome
        switch answer {
        case .success: #expect(error == nil)
        case .streamError: #expect(error != nil)
        case .connectionError: #expect(error?.detail.contains("broke the rules of HTTP/2") == true)
        }
        await connection.close(deadline: .now)
        await peer.close()
        await server.close()
    }

    private func check(_ connection: any Connection, _ peer: RawConnection) async throws {
        switch answer {
        case .connectionError(let codes):
            let goAway = try #require(try await peer.frame { $0.kind == .goAway }, "no GOAWAY came")
            #expect(codes.contains(goAway.number(at: 4)), "GOAWAY with \(goAway.number(at: 4))")
            #expect(try await peer.ends())
        case .streamError(let codes):
            let reset = try #require(try await peer.frame { $0.kind == .reset }, "no RST_STREAM came")
            #expect(reset.stream == 1)
            #expect(codes.contains(reset.number(at: 0)), "RST_STREAM with \(reset.number(at: 0))")
            async let second = call(connection)
            _ = try await peer.frame { $0.kind == .data && $0.stream == 3 }
            try await peer.send(Self.answer(3).flatMap(\.bytes))
            #expect(try await second == nil, "the connection is lost")
        case .success: return
        }
    }

    private func call(_ connection: any Connection) async throws -> MicroError? {
        try await failure {
            _ = try await connection.unary(CallHead(path: "/test.Test/Echo"), EncodedMessage([1]))
        }
    }
}
