import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// RFC 7541: header blocks that can't be decoded end the connection, since the tables of both sides differ from
/// there on (RFC 9113, section 4.3).
@Suite(.timeLimit(.minutes(2))) struct ServerHPACKTests {
    private static func broken(_ rule: String, _ block: [UInt8]) -> ServerRule {
        ServerRule(rule, .connectionError([ErrorCode.compression]), .rawHeaders(block, stream: 1))
    }

    /// A block whose bytes are all right, and a message behind it.
    private static func good(_ rule: String, _ before: [UInt8], _ behind: [UInt8] = []) -> ServerRule {
        ServerRule(
            rule, .grpcStatus(1, "0"),
            .rawHeaders(before + Frame.block(RawConnection.request("/test.Test/Echo")) + behind, stream: 1),
            .data(framed([1]), stream: 1, ends: true))
    }

    static let rules: [ServerRule] = [
        broken("6.1: the index 0", [0x80]),
        broken("2.3.3: an index behind both tables", [0xBE]),
        broken("2.3.3: a great index behind both tables", [0xFF, 0x80, 0x7F]),
        broken("6.2.1: a name's index behind both tables", [0x7F, 0x60, 0x01, 0x61]),
        broken("6.2.2: a name's index behind both tables", [0x0F, 0x60, 0x01, 0x61]),
        broken("4.2: a table larger than our limit", [0x3F, 0xE2, 0x1F]),
        broken("4.2: a change of the table's size behind a field", [0x82, 0x20]),
        good("4.2: two changes of the table's size in front", [0x20, 0x3F, 0xE1, 0x1F]),
        broken(
            "5.1: a number that is too great", [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
        broken("5.1: a number that does not end", [0xFF, 0x80]),
        broken("5.1: a change of the table's size that does not end", [0x3F]),
        broken("5.2: a name that does not end", [0x00, 0x05, 0x61]),
        broken("5.2: a value that does not end", [0x00, 0x01, 0x61, 0x05, 0x62]),
        broken("5.2: a length that is too great", [0x00, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
        broken("5.2: padding of zeros behind a Huffman code", [0x00, 0x01, 0x61, 0x81, 0x18]),
        broken("5.2: padding of eight bits behind a Huffman code", [0x00, 0x01, 0x61, 0x82, 0x1F, 0xFF]),
        broken("5.2: the code EOS in a Huffman string", [0x00, 0x01, 0x61, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]),
        broken("5.2: a bad Huffman code in a name", [0x00, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0x61]),
        good("5.2: a Huffman code with the right padding", [], [0x00, 0x01, 0x61, 0x81, 0x1F]),
        good("6.2.3: a literal that must never be indexed", [], [0x10, 0x01, 0x61, 0x01, 0x62]),
        good("6.2.1: a literal that is indexed, and its index", [], [0x40, 0x01, 0x61, 0x01, 0x62, 0xBE]),
        good(
            "4.4: a field larger than the table empties it", [],
            [0x40, 0x01, 0x61, 0x7F, 0xA1, 0x1F] + [UInt8](repeating: 0x62, count: 4128)),
    ]

    @Test(arguments: rules)
    func isAnsweredAsTheRFCSays(_ rule: ServerRule) async throws { try await rule.check() }

    /// A block of a stream that is refused, or whose request is malformed, still changes the table.
    @Test func theTableFollowsBlocksThatNobodyReads() async throws {
        try await withTestServer(.init(maximumConcurrentStreams: 1)) { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await connection.send(.request(1))
            let indexed: [UInt8] = [0x40, 0x03] + Array("x-a".utf8) + [0x03] + Array("one".utf8)
            let refused = Frame.block(RawConnection.request("/test.Test/Echo")) + indexed
            try await connection.send(.rawHeaders(refused, stream: 3))
            #expect(try await connection.answer(on: 3).reset == ErrorCode.refusedStream)
            try await connection.send(.reset(ErrorCode.cancel, stream: 1))
            try await eventually("the handler to end") { listening.server.running == 0 }
            let second = Frame.block(RawConnection.request("/test.Test/Echo")) + [0xBE]
            try await connection.send(
                .rawHeaders(second, stream: 5), .data(framed([1]), stream: 5, ends: true))
            #expect(try await connection.answer(on: 5)["grpc-status"] == "0")
            #expect(listening.server.heads.last?.metadata["x-a"] == "one")
            await connection.close()
        }
    }
}
