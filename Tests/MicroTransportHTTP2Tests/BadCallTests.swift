import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// Requests that are HTTP/2 but no good gRPC calls: each ends its own call, and nothing else.
@Suite(.timeLimit(.minutes(2))) struct BadCallTests {
    /// Makes a call on a connection of its own, and one more on it.
    private func answer(
        _ configuration: HTTP2Transport.Configuration = .init(), _ path: String = "/test.Test/Echo",
        _ changes: [String: String?] = [:], more: [(String, String)] = [], body: [UInt8] = framed([1]),
        ends: Bool = true
    ) async throws -> RawAnswer {
        var answer = RawAnswer()
        try await withTestServer(configuration) { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await connection.send(.headers(RawConnection.request(path, changes, more: more), stream: 1))
            // A connection's frames have at most 16 KiB.
            var rest = body[...]
            repeat {
                let part = Array(rest.prefix(16384))
                rest = rest.dropFirst(part.count)
                try await connection.send(.data(part, stream: 1, ends: ends && rest.isEmpty))
            } while !rest.isEmpty
            answer = try await connection.answer(on: 1, awaitsReset: !ends)
            #expect(try await connection.call(stream: 3)["grpc-status"] == "0")
            await connection.close()
        }
        return answer
    }

    @Test func prefixesMustBeTrue() async throws {
        #expect(try await answer(body: framed([1], flag: 7))["grpc-status"] == "13")
        #expect(try await answer(body: framed([1], flag: 1))["grpc-status"] == "13")
        #expect(try await answer(body: [0, 0, 0])["grpc-status"] == "13")
        #expect(try await answer(body: framed([1, 2], length: 100))["grpc-status"] == "13")
        let hang = "/test.Test/Hang"
        #expect(try await answer(.init(), hang, body: framed([1]) + [0, 0])["grpc-status"] == "13")
    }

    @Test func longMessagesAreRefusedBeforeTheyAreThere() async throws {
        let lie = try await answer(body: framed([1], length: .max), ends: false)
        #expect(lie["grpc-status"] == "8")
        #expect(lie.reset == ErrorCode.none)
        #expect(lie["grpc-message"]?.contains("4194304") == true)
        let limit = HTTP2Transport.Configuration(maximumMessageSize: 10)
        #expect(try await answer(limit, body: framed(Array(0..<10)))["grpc-status"] == "0")
        #expect(try await answer(limit, body: framed(Array(0..<11)))["grpc-status"] == "8")
    }

    @Test func streamsWithBadMessagesFail() async throws {
        let path = "/test.Test/Stream"
        let second = try await answer(.init(), path, body: framed([1]) + framed([2], flag: 9))
        #expect(second["grpc-status"] == "13")
        #expect(try await answer(.init(), path, body: framed([1]) + [0, 0, 0])["grpc-status"] == "13")
        #expect(try await answer(.init(), path, body: framed([1], length: .max))["grpc-status"] == "8")
        #expect(try await answer(.init(), path, body: [])["grpc-status"] == "0")
    }

    @Test func requestsMustBeGRPC() async throws {
        let get = try await answer(.init(), "/test.Test/Echo", [":method": "GET"], ends: false)
        #expect(get.httpStatus == "405")
        #expect(get.head.contains { $0 == ("allow", "POST") })
        for type in ["application/json", "text/html", "application/grpcx", "application/grp", ""] {
            let answer = try await answer(.init(), "/test.Test/Echo", ["content-type": type])
            #expect(answer.httpStatus == "415", "\(type)")
        }
        #expect(try await answer(.init(), "/test.Test/Echo", ["content-type": nil]).httpStatus == "415")
        for type in [
            "application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8",
            "Application/GRPC", "application/grpc+PROTO", "application/grpc+proto ; charset=UTF-8",
        ] {
            let answer = try await answer(.init(), "/test.Test/Echo", ["content-type": type])
            #expect(answer["grpc-status"] == "0", "\(type)")
        }
    }

    @Test func unknownEndpointsAndEncodingsAreUnimplemented() async throws {
        for path in ["/", "/test.Test", "/test.Test/Nope", "/a/b/c", "//", "/%00"] {
            let answer = try await answer(.init(), path)
            #expect(answer["grpc-status"] == "12", "\(path)")
            #expect(answer.isTrailersOnly)
        }
        let snappy = try await answer(more: [("grpc-encoding", "snappy")])
        #expect(snappy["grpc-status"] == "12")
        #expect(snappy["grpc-message"]?.contains("snappy") == true)
        #expect(snappy["grpc-accept-encoding"] == "identity,deflate,gzip")
        #expect(try await answer(more: [("grpc-encoding", "identity")])["grpc-status"] == "0")
    }

    @Test func timeoutsMustBeTimes() async throws {
        for text in ["", "1", "S", "-1S", "1.5S", "123456789S", "1x", "9999999999999999999n", "1 S"] {
            let answer = try await answer(more: [("grpc-timeout", text)])
            #expect(answer["grpc-status"] == "3", "\(text)")
            #expect(answer["grpc-message"]?.contains("grpc-timeout") == true)
        }
        // go-micro's own field is ignored where go-micro ignores it.
        for text in ["soon", "abc", "", "-1", "1s"] {
            #expect(try await answer(more: [("timeout", text)])["grpc-status"] == "0", "\(text)")
        }
        for text in ["99999999H", "1S", "100000m"] {
            #expect(try await answer(more: [("grpc-timeout", text)])["grpc-status"] == "0", "\(text)")
        }
        let hang = "/test.Test/Hang"
        #expect(try await answer(.init(), hang, more: [("grpc-timeout", "20m")])["grpc-status"] == "4")
        #expect(try await answer(.init(), hang, more: [("timeout", "20000000")])["grpc-status"] == "4")
        #expect(try await answer(.init(), hang, more: [("grpc-timeout", "0n")])["grpc-status"] == "4")
    }

    @Test func headerFieldsAreBounded() async throws {
        let limit = HTTP2Transport.Configuration(maximumHeaderListSize: 2000)
        let large = String(repeating: "v", count: 1900)
        for more in [[("x-large", large)], (0..<100).map { ("x-\($0)", "v") }] {
            let answer = try await answer(limit, more: more)
            #expect(answer["grpc-status"] == "8")
            #expect(answer["grpc-message"]?.contains("2000") == true)
        }
        #expect(
            try await answer(limit, more: [("x-fits", String(repeating: "v", count: 1000))])["grpc-status"]
                == "0")
    }

    @Test func oversizedFieldsInFrontOfTheContentType() async throws {
        try await withTestServer(.init(maximumHeaderListSize: 2000)) { listening in
            let connection = try await RawConnection.open(to: listening.address)
            var fields = RawConnection.request("/test.Test/Echo")
            fields.insert(("x-large", String(repeating: "v", count: 3000)), at: 4)
            try await connection.send(.headers(fields, stream: 1, ends: true))
            #expect(try await connection.answer(on: 1)["grpc-status"] == "8")
            await connection.close()
        }
    }

    @Test func badBinaryMetadataIsJustNotThere() async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            let fields = [
                ("x-bad-bin", "!!!!"), ("x-good-bin", "AQI"), ("x-padded-bin", "AQI="),
                ("x-many-bin", "AQ,Ag"),
            ]
            #expect(try await connection.call(more: fields)["grpc-status"] == "0")
            let metadata = try #require(listening.server.heads.last).metadata
            #expect(metadata.bytes(for: "x-bad-bin") == nil)
            #expect(metadata.bytes(for: "x-good-bin") == [1, 2])
            #expect(metadata.bytes(for: "x-padded-bin") == [1, 2])
            #expect(metadata.allBytes(for: "x-many-bin") == [[1], [2]])
            await connection.close()
        }
    }

    @Test func moreStreamsThanAllowedAreRefused() async throws {
        try await withTestServer(.init(maximumConcurrentStreams: 3)) { listening in
            let (connection, settings) = try await RawConnection.connectAndReadSettings(of: listening.address)
            #expect(settings.payload.starts(with: [0, 3, 0, 0, 0, 3]))
            // The settings are not acknowledged yet, so a client may not know the limit.
            let fields = RawConnection.request("/test.Test/Stream")
            for stream in [1, 3, 5, 7] as [UInt32] {
                try await connection.send(.headers(fields, stream: stream))
            }
            #expect(try await connection.answer(on: 7).reset == ErrorCode.refusedStream)
            try await connection.send(.reset(ErrorCode.cancel, stream: 1))
            #expect(try await connection.call(stream: 9)["grpc-status"] == "0")
            // The same holds once they are, and the other calls go on.
            try await connection.send(Frame(.settings, flags: Frame.ack))
            for stream in [11, 13] as [UInt32] { try await connection.send(.headers(fields, stream: stream)) }
            #expect(try await connection.answer(on: 13).reset == ErrorCode.refusedStream)
            try await connection.send(.data(framed([5]), stream: 5, ends: true))
            #expect(try await connection.answer(on: 5)["grpc-status"] == "0")
            await connection.close()
            try await eventually("the handlers to end") { listening.server.running == 0 }
        }
    }
}
