import HTTP2TestPeer
import MicroCore
import Testing

/// A `content-type` is gRPC's up to 256 bytes: the answer repeats it, in a head that has to fit.
@Suite(.timeLimit(.minutes(2))) struct ContentTypeTests {
    /// A content type of gRPC of a length, filled up in the encoding's name or in a parameter.
    private static func type(_ length: Int, inParameter: Bool) -> String {
        let start = inParameter ? "application/grpc+proto;" : "application/grpc+"
        return start + String(repeating: "x", count: length - start.utf8.count)
    }

    @Test(arguments: [true, false]) func ofARequest(inParameter: Bool) async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            var stream: UInt32 = 1
            for length in [100, 256, 257, 10_000] {
                let type = Self.type(length, inParameter: inParameter)
                let answer = try await connection.call(
                    "/test.Test/Echo", ["content-type": type], stream: stream)
                if length <= 256 {
                    #expect(answer["grpc-status"] == "0")
                    let answered = inParameter ? "application/grpc+proto" : type
                    #expect(answer.head.contains { $0 == ("content-type", answered) })
                } else {
                    #expect(answer.httpStatus == "415", "\(length) bytes")
                }
                stream += 2
            }
            await connection.close()
        }
    }

    @Test(arguments: [true, false]) func ofAnAnswer(inParameter: Bool) throws {
        for length in [100, 256, 257, 10_000] {
            let client = try EmbeddedClient()
            let call = client.call()
            let head = [(":status", "200"), ("content-type", Self.type(length, inParameter: inParameter))]
            try client.receive(.headers(head, stream: 1))
            #expect((call.stream.failure == nil) == (length <= 256), "\(length) bytes")
            try client.close()
        }
    }
}
