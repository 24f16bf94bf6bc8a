import HTTP2TestPeer
import MicroCore
import MicroTransportHTTP2
import Testing

/// Requests that are no gRPC calls get a text that says what the port speaks.
@Suite(.timeLimit(.minutes(2))) struct ForeignRequestTests {
    private static let words = "This port speaks gRPC over HTTP/2"

    @Test func otherMethodsAndTypesGetAText() async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            let cases: [(status: String, changes: [String: String?])] = [
                ("405", [":method": "GET", "content-type": nil]), ("405", [":method": "PUT"]),
                ("415", ["content-type": "application/json"]), ("415", ["content-type": nil]),
            ]
            var stream: UInt32 = 1
            for (status, changes) in cases {
                for ends in [true, false] {
                    try await connection.send(
                        .headers(RawConnection.request("/", changes), stream: stream, ends: ends))
                    let answer = try await connection.answer(on: stream, awaitsReset: !ends)
                    #expect(answer.httpStatus == status)
                    #expect(answer.head.contains { $0 == ("content-type", "text/plain; charset=utf-8") })
                    #expect(answer.head.contains { $0 == ("content-length", "\(answer.body.count)") })
                    #expect(answer.head.contains { $0 == ("allow", "POST") } == (status == "405"))
                    #expect(String(decoding: answer.body, as: UTF8.self).hasPrefix(Self.words))
                    #expect(answer.reset == (ends ? nil : ErrorCode.none))
                    stream += 2
                }
            }
            let head = RawConnection.request("/", [":method": "HEAD"])
            try await connection.send(.headers(head, stream: stream, ends: true))
            let answer = try await connection.answer(on: stream)
            #expect(answer.httpStatus == "405")
            #expect(answer.isTrailersOnly)
            #expect(try await connection.call(stream: stream + 2)["grpc-status"] == "0")
            await connection.close()
        }
    }

    /// A request whose body does not end is answered in time all the same.
    @Test func aTextDoesNotWaitForever() async throws {
        var configuration = HTTP2Transport.Configuration()
        configuration.stallTimeout = .milliseconds(300)
        try await withTestServer(configuration) { listening in
            let connection = try await RawConnection.open(to: listening.address)
            let type = ["content-type": "text/plain" as String?]
            for (stream, length) in [(1, "5"), (3, "1000000000")] as [(UInt32, String)] {
                let fields = RawConnection.request("/", type, more: [("content-length", length)])
                try await connection.send(.headers(fields, stream: stream), .data([1], stream: stream))
                #expect(try await connection.answer(on: stream).httpStatus == "415")
            }
            #expect(try await connection.call(stream: 5)["grpc-status"] == "0")
            await connection.close()
        }
    }

    @Test(arguments: ["GET / HTTP/1.1\r\nhost: x\r\n\r\n", "POST /greeter/hello HTTP/1.0\r\n\r\n", "PUT / "])
    func aRequestOfHTTP1GetsAText(_ request: String) async throws {
        try await withTestServer { listening in
            for size in [request.utf8.count, 1] {
                let connection = try await RawConnection.connect(to: listening.address)
                var rest = Array(request.utf8)[...]
                while !rest.isEmpty {
                    // The server may have answered the first bytes, and closed.
                    try? await connection.send(Array(rest.prefix(size)))
                    rest = rest.dropFirst(size)
                    if size == 1 { try await Task.sleep(for: .milliseconds(2)) }
                }
                var text: [UInt8] = []
                while let byte = try await connection.bytes(1) { text += byte }
                let answer = String(decoding: text, as: UTF8.self)
                #expect(answer.hasPrefix("HTTP/1.1 505 HTTP Version Not Supported\r\n"))
                let start = try #require(answer.firstRange(of: Self.words)).lowerBound
                let body = String(answer[start...])
                #expect(answer[..<start].hasSuffix("\r\n\r\n"))
                #expect(answer.contains("\r\ncontent-length: \(body.utf8.count)\r\n"))
                await connection.close()
            }
        }
    }

    /// A client of HTTP/2 may send its preface byte by byte.
    @Test func aPrefaceInPiecesIsAPreface() async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.connect(to: listening.address)
            for byte in Frame.opening {
                try await connection.send([byte])
                try await Task.sleep(for: .milliseconds(1))
            }
            _ = try await connection.frame { $0.kind == .settings }
            #expect(try await connection.call()["grpc-status"] == "0")
            await connection.close()
        }
    }
}
