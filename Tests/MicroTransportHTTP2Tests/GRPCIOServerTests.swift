import Foundation
import HTTP2TestPeer
import MicroCore
import MicroTransportHTTP2
import SwiftProtobuf
import Testing

/// Our client calls an unmodified grpcio server: the shapes of calls, and what they say.
@Suite(.serialized, .timeLimit(.minutes(2))) struct GRPCIOServerTests {
    /// Runs checks against a server with each kind of security.
    private func withConnections(_ body: (any Connection) async throws -> Void) async throws {
        let identities = try await PeerIdentities()
        for security in [PeerSecurity.plaintext, .tls(identities), .mutual(identities)] {
            try await PeerPrograms.withServer(security) { _, node in
                let connection = try await security.clientTransport.connect(to: node, as: .host("localhost"))
                try await body(connection)
                await connection.close(deadline: .now)
            }
        }
    }

    @Test func answersEveryShape() async throws {
        try await withConnections { connection in
            try await self.unary(connection)
            try await self.streams(connection)
            try await self.serverSpeaksFirst(connection)
        }
    }

    private func unary(_ connection: any Connection) async throws {
        for bytes in [Data(), Data("abc".utf8), Data(repeating: 5, count: 3 << 20)] {
            let reply = try await connection.unary(.peer("Unary"), EncodedMessage(payload: bytes))
            #expect(try reply.message.payload == bytes)
        }
    }

    private func streams(_ connection: any Connection) async throws {
        let joined = try await connection.open(.peer("ClientStream"))
        for part in ["a", "bc", "", "def"] { try await joined.send(EncodedMessage(payload: Data(part.utf8))) }
        try await joined.finish()
        #expect(try await joined.payloads() == [Data("abcdef".utf8)])

        let none = try await connection.open(.peer("ClientStream"))
        try await none.finish()
        #expect(try await none.payloads() == [Data()])

        let many = try await connection.open(.peer("ServerStream"))
        let request = Peer_StreamRequest.with { ($0.count, $0.size) = (64, 100_000) }
        try await many.send(EncodedMessage(encoding: request))
        try await many.finish()
        let wanted = (0..<64).map { Data(repeating: UInt8($0), count: 100_000) }
        #expect(try await many.payloads() == wanted)

        let both = try await connection.open(.peer("Bidi"))
        for index in 0..<20 {
            let message = try EncodedMessage(payload: Data("message \(index)".utf8))
            try await both.send(message)
            #expect(try await both.receive() == message)
        }
        try await both.finish()
        #expect(try await both.receive() == nil)
    }

    private func serverSpeaksFirst(_ connection: any Connection) async throws {
        let stream = try await connection.open(.peer("SpeakFirst"))
        #expect(try await stream.receive()?.payload == Data("hello".utf8))
        try await stream.send(EncodedMessage(payload: Data("hi".utf8)))
        #expect(try await stream.receive()?.payload == Data("hi".utf8))
        try await stream.finish()
        #expect(try await stream.payloads() == [Data("bye".utf8)])

        let silent = try await connection.open(.peer("SpeakFirst"))
        try await silent.finish()
        #expect(try await silent.payloads() == [Data("hello".utf8), Data("bye".utf8)])

        // The server ends the call while the request is open.
        let first = try await connection.open(.peer("FirstOnly"))
        try await first.send(EncodedMessage(payload: Data("one".utf8)))
        #expect(try await first.payloads() == [Data("one".utf8)])
    }

    @Test func carriesMetadata() async throws {
        try await withConnections { connection in
            var head = CallHead.peer("Metadata")
            let everyByte = Array(UInt8.min...UInt8.max)
            head.metadata.add("with, comma; and = more ~!", for: "x-echo-text")
            head.metadata.add("first", for: "x-echo-many")
            head.metadata.add("second", for: "x-echo-many")
            for size in 0..<5 { head.metadata.add(Array(everyByte.suffix(size)), for: "x-echo-\(size)-bin") }
            head.metadata.add(everyByte, for: "x-trail-bytes-bin")
            head.metadata.add("last", for: "x-trail-text")
            let reply = try await connection.unary(head, EncodedMessage(payload: Data()))
            #expect(reply.metadata["x-echo-text"] == "with, comma; and = more ~!")
            #expect(reply.metadata.values(for: "x-echo-many") == ["first", "second"])
            for size in 0..<5 {
                #expect(reply.metadata.bytes(for: "x-echo-\(size)-bin") == Array(everyByte.suffix(size)))
            }
            #expect(reply.trailingMetadata.bytes(for: "x-trail-bytes-bin") == everyByte)
            #expect(reply.trailingMetadata["x-trail-text"] == "last")
        }
    }

    @Test func knowsEveryStatus() async throws {
        try await withConnections { connection in
            let texts = ["", "plain", "100% of %20", "späte Grüße", "日本語 😀", "line\nbreak\ttab"]
            for code in 1...16 {
                let text = texts[code % texts.count]
                let request = Peer_StatusRequest.with { ($0.code, $0.message) = (UInt32(code), text) }
                let error = try await failure {
                    _ = try await connection.unary(.peer("Status"), EncodedMessage(encoding: request))
                }
                #expect(error?.status == RPCStatus(rawValue: code))
                #expect(error?.detail == text)
                #expect(error?.processed == .maybe)
            }
            let request = Peer_StatusRequest.with { ($0.code, $0.message) = (9, "späte % end") }
            let stream = try await connection.open(.peer("StatusAfter"))
            try await stream.send(EncodedMessage(encoding: request))
            #expect(try await stream.receive()?.payload == Data("first".utf8))
            let error = try await failure { _ = try await stream.receive() }
            #expect(error?.status == .failedPrecondition)
            #expect(error?.detail == "späte % end")
            let unknown = try await failure {
                _ = try await connection.unary(.peer("Nothing"), EncodedMessage(payload: Data()))
            }
            #expect(unknown?.status == .unimplemented)
        }
    }

    @Test func isRefusedLargeMessages() async throws {
        try await PeerPrograms.withServer { _, node in
            let transport = HTTP2Transport(configuration: .init(maximumMessageSize: 16 << 20))
            let connection = try await transport.connect(to: node, as: .host("localhost"))
            let large = try EncodedMessage(payload: Data(repeating: 1, count: (4 << 20) + 1))
            let error = try await failure { _ = try await connection.unary(.peer("Unary"), large) }
            #expect(error?.status == .resourceExhausted)
            try await self.unary(connection)
            await connection.close(deadline: .now)
        }
    }

    @Test func makesHundredCallsAtOnce() async throws {
        try await withConnections { connection in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<100 {
                    group.addTask {
                        let stream = try await connection.open(.peer("Bidi"))
                        for round in 0..<3 {
                            let message = try EncodedMessage(payload: Data("\(round) of \(index)".utf8))
                            try await stream.send(message)
                            #expect(try await stream.receive() == message)
                        }
                        try await stream.finish()
                        #expect(try await stream.receive() == nil)
                    }
                }
                try await group.waitForAll()
            }
            #expect(connection.activeCalls == 0)
        }
    }
}

extension CallHead {
    /// An endpoint of `peer.Peer`.
    static func peer(_ name: String) -> CallHead { CallHead(path: "/peer.Peer/\(name)") }
}

extension ClientCallStream {
    /// Reads the payloads up to the end of the call.
    func payloads() async throws -> [Data] {
        var payloads: [Data] = []
        while let message = try await receive() { payloads.append(try message.payload) }
        return payloads
    }
}
