import HTTP2TestPeer
import MicroCore
import Testing

@testable import MicroGRPC

/// Servers whose header blocks are short on the wire and long when they are decoded: the connection is given up.
@Suite(.timeLimit(.minutes(2))) struct AnswerBombTests {
    struct Bomb: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var flags: UInt8
        var fields: [(String, String)]
        var stream: UInt32 = 1
        var first: [Frame] = []
    }

    static let bombs: [Bomb] = [
        Bomb(testDescription: "in a head", flags: Frame.endHeaders, fields: ClientRule.head),
        Bomb(
            testDescription: "in an informational head", flags: Frame.endHeaders, fields: [(":status", "103")]
        ),
        Bomb(
            testDescription: "in trailers", flags: Frame.endHeaders | Frame.endStream,
            fields: [("grpc-status", "0")],
            first: [.headers(ClientRule.head, stream: 1), .data(framed([1]), stream: 1)]),
    ]

    @Test(arguments: bombs)
    func isRefused(_ bomb: Bomb) throws {
        let client = try EmbeddedClient()
        let stream = client.call(message: EncodedMessage([1])).stream
        for frame in bomb.first { try client.receive(frame) }
        let field: [UInt8] = [0x40, 0x01, 0x61, 0x7F, 0xB9, 0x16] + [UInt8](repeating: 0x62, count: 3000)
        let block = Frame.block(bomb.fields) + field + [UInt8](repeating: 0xBE, count: 12_000)
        try client.receive(Frame(.headers, flags: bomb.flags, stream: bomb.stream, block))
        let goAway = try client.sent().first { $0.kind == .goAway }
        #expect(goAway?.number(at: 4) == ErrorCode.enhanceYourCalm)
        while case .success(.some)? = stream.poll() {}
        #expect(stream.failure?.status == .unavailable)
        #expect(stream.failure?.detail.contains("many times longer") == true)
        #expect(!client.status.isUsable)
        try client.close()
    }
}
