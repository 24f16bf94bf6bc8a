import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// Frames that come in parts, each on a connection beside one that must go on working.
@Suite(.timeLimit(.minutes(2))) struct FramesInPartsTests {
    @Test func halfAFrameHarmsNobody() async throws {
        try await withTestServer { listening in
            let halves: [[UInt8]] = [
                [], Array(Frame.preface.prefix(10)), Frame.opening,
                Frame.opening + Frame(.headers, flags: 4, stream: 1).head(length: 100).prefix(5),
                Frame.opening + Frame(.headers, flags: 4, stream: 1).head(length: 100) + [0, 1],
                Frame.opening + Frame.headers(RawConnection.request("/test.Test/Echo"), stream: 1).bytes
                    + Frame(.data, stream: 1).head(length: 100) + [0, 0],
                Frame.opening + Frame.headers(RawConnection.request("/test.Test/Stream"), stream: 1).bytes
                    + Frame.data([0, 0, 0, 1, 0, 7, 7], stream: 1).bytes,
            ]
            for half in halves {
                let connection = try await RawConnection.connect(to: listening.address)
                if !half.isEmpty { try await connection.send(half) }
                let other = try await RawConnection.open(to: listening.address)
                #expect(try await other.call()["grpc-status"] == "0")
                await other.close()
                await connection.close()
            }
            try await eventually("the handlers to end") { listening.server.running == 0 }
        }
    }

    /// A header block that arrives in pieces, while the thread reads whole ones of other connections.
    @Test func headersInPiecesDoNotMix() async throws {
        try await withTestServer { listening in
            var connections: [(pieces: [UInt8], raw: RawConnection)] = []
            for index in 0..<8 {
                let raw = try await RawConnection.open(to: listening.address)
                // The server has read the opening once its settings are here.
                _ = try await raw.frame { $0.kind == .settings && $0.has(Frame.ack) }
                let fields = (0..<4).map { ("x-own-\($0)", "value of \(index)") }
                let request = RawConnection.request("/test.Test/Echo", more: fields)
                connections.append((Frame.headers(request, stream: 1).bytes, raw))
            }
            let length = connections.map(\.pieces.count).min() ?? 0
            for (index, connection) in connections.enumerated() {
                try await connection.raw.send(Array(connection.pieces.prefix(length - 60)))
                connections[index].pieces.removeFirst(length - 60)
                let whole = try await RawConnection.open(to: listening.address)
                let answer = try await whole.call(more: [("x-other", "must not be seen")])
                #expect(answer["grpc-status"] == "0")
                await whole.close()
            }
            for connection in connections {
                let body = Frame.data(framed([1]), stream: 1, ends: true).bytes
                try await connection.raw.send(connection.pieces + body)
                #expect(try await connection.raw.answer(on: 1)["grpc-status"] == "0")
                await connection.raw.close()
            }
            let heads = listening.server.heads.filter { $0.metadata["x-own-0"] != nil }
            #expect(heads.count == connections.count)
            for head in heads {
                #expect(head.metadata["x-other"] == nil)
                let values = Set((0..<4).map { head.metadata["x-own-\($0)"] })
                #expect(values.count == 1)
            }
        }
    }
}
