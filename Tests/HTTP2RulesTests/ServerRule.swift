import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// Something that a client sends, and what the RFC has the server do about it.
struct ServerRule: CustomTestStringConvertible, Sendable {
    /// What answers it.
    enum Answer: Sendable {
        /// A GOAWAY with one of the codes, and the connection's end; without codes the end alone.
        case connectionError([UInt32])
        /// A RST_STREAM with one of the codes, and the connection goes on.
        case streamError(UInt32, [UInt32])
        /// An answer of HTTP with a status, and the connection goes on.
        case status(UInt32, String)
        /// A gRPC answer with a status, and the connection goes on.
        case grpcStatus(UInt32, String)
        /// Nothing: the connection goes on.
        case nothing
    }

    /// The section, and what it says in a few words.
    var rule: String
    var answer: Answer
    var bytes: [UInt8]

    /// Whether gRPC calls must keep to all rules of HTTP.
    var isStrict = false

    var testDescription: String { rule }

    /// Whether the server ends the connection.
    var endsTheConnection: Bool { if case .connectionError = answer { true } else { false } }

    init(_ rule: String, _ answer: Answer, _ frames: Frame...) {
        (self.rule, self.answer) = (rule, answer)
        bytes = Frame.opening + Frame(.settings, flags: Frame.ack).bytes + frames.flatMap(\.bytes)
    }

    init(_ rule: String, _ answer: Answer, bytes: [UInt8]) {
        (self.rule, self.answer, self.bytes) = (rule, answer, bytes)
    }

    /// Sends it to a server of its own, and looks at what comes back.
    func check() async throws {
        // A case in which nothing comes back fails in some seconds.
        var configuration = HTTP2Transport.Configuration()
        configuration.serverKeepaliveInterval = .seconds(5)
        configuration.keepaliveTimeout = .seconds(5)
        configuration.isStrictOnFields = isStrict
        try await withTestServer(configuration) { listening in
            let connection = try await RawConnection.connect(to: listening.address)
            try await connection.send(bytes)
            switch answer {
            case .connectionError(let codes):
                let goAway = try await connection.frame { $0.kind == .goAway }
                if !codes.isEmpty {
                    let code = try #require(goAway, "no GOAWAY came").number(at: 4)
                    #expect(codes.contains(code), "GOAWAY with \(code)")
                }
                #expect(try await connection.ends())
            case .streamError(let stream, let codes):
                let code = try #require(try await connection.answer(on: stream, awaitsReset: true).reset)
                #expect(codes.contains(code), "RST_STREAM with \(code)")
                try await expectGoesOn(connection)
            case .status(let stream, let status):
                #expect(try await connection.answer(on: stream).httpStatus == status)
                try await expectGoesOn(connection)
            case .grpcStatus(let stream, let status):
                #expect(try await connection.answer(on: stream)["grpc-status"] == status)
                try await expectGoesOn(connection)
            case .nothing:
                try await expectGoesOn(connection)
            }
            await connection.close()
            try await eventually("the handlers to end") { listening.server.running == 0 }
        }
    }

    private func expectGoesOn(_ connection: RawConnection) async throws {
        #expect(try await connection.call(stream: 1001)["grpc-status"] == "0", "the connection is lost")
    }
}

extension Frame {
    /// The head of a request, whose handler doesn't answer by default; `ends` leaves out the body.
    static func request(_ stream: UInt32, _ path: String = "/test.Test/Deaf", ends: Bool = false) -> Frame {
        .headers(RawConnection.request(path), stream: stream, ends: ends)
    }

    /// Settings, by their numbers.
    static func settings(_ values: (UInt16, UInt32)...) -> Frame {
        Frame(.settings, values.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] + $1.bigEndianBytes })
    }

    /// A header block as it is.
    static func rawHeaders(_ block: [UInt8], stream: UInt32, flags: UInt8 = endHeaders) -> Frame {
        Frame(.headers, flags: flags, stream: stream, block)
    }

    /// The frame with other flags besides.
    func with(_ more: UInt8) -> Frame {
        Frame(type: type, flags: flags | more, stream: stream, payload: payload)
    }

    /// A ping.
    static let ping = Frame(.ping, [1, 2, 3, 4, 5, 6, 7, 8])

    /// The bytes of a frame whose head says another length than it has.
    func bytes(length: Int) -> [UInt8] { head(length: length) + payload }
}
