import Foundation
import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import SwiftProtobuf
import Testing

/// Our client and a grpcio server: deadlines, cancellation, and connections that end.
@Suite(.serialized, .timeLimit(.minutes(2))) struct GRPCIOLifetimeTests {
    private let transport = HTTP2Transport()

    /// Waits until the server says that a call is in a state.
    private func expect(_ state: String, of id: String, _ connection: any Connection) async throws {
        let request = Peer_AwaitRequest.with { ($0.id, $0.state) = (id, state) }
        let reply = try await connection.unary(.peer("Await"), EncodedMessage(encoding: request))
        #expect(try (reply.message.decoded() as Peer_CallState).state == state)
    }

    private func sleep(_ id: String) throws -> EncodedMessage {
        try EncodedMessage(encoding: Peer_SleepRequest.with { ($0.milliseconds, $0.id) = (60_000, id) })
    }

    @Test func deadlinesEndBothSides() async throws {
        try await PeerPrograms.withServer { _, node in
            let connection = try await transport.connect(to: node, as: .host("localhost"))
            var head = CallHead.peer("Sleep")
            head.deadline = .now + .milliseconds(300)
            let error = try await failure { _ = try await connection.unary(head, sleep("unary")) }
            #expect(error?.status == .deadlineExceeded)
            try await expect("cancelled", of: "unary", connection)

            head = .peer("Ticks")
            head.deadline = .now + .milliseconds(300)
            let stream = try await connection.open(head)
            try await stream.send(sleep("stream"))
            try await stream.finish()
            let streamError = try await failure { while try await stream.receive() != nil {} }
            #expect(streamError?.status == .deadlineExceeded)
            try await expect("cancelled", of: "stream", connection)

            head = .peer("Deadline")
            head.deadline = .now + .seconds(3600)
            let reply = try await connection.unary(head, EncodedMessage(payload: Data()))
            let known: Peer_DeadlineReply = try reply.message.decoded()
            #expect(known.hasDeadline_p)
            #expect((3_500_000...3_600_000).contains(known.milliseconds))

            head.deadline = .now - .seconds(1)
            let late = try await failure { _ = try await connection.unary(head, EncodedMessage()) }
            #expect(late?.status == .deadlineExceeded)
            #expect(late?.processed == .no)
            await connection.close(deadline: .now)
        }
    }

    @Test func cancellationIsSeenByTheServer() async throws {
        try await PeerPrograms.withServer { _, node in
            let connection = try await transport.connect(to: node, as: .host("localhost"))
            let request = try sleep("unary")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await connection.unary(.peer("Sleep"), request) }
                try await expect("running", of: "unary", connection)
                group.cancelAll()
                let error = try await failure { try await group.waitForAll() }
                #expect(error?.status == .cancelled)
            }
            try await expect("cancelled", of: "unary", connection)

            let stream = try await connection.open(.peer("Ticks"))
            try await stream.send(sleep("stream"))
            #expect(try await stream.receive()?.payload == Data("tick".utf8))
            stream.cancel()
            let error = try await failure { while try await stream.receive() != nil {} }
            #expect(error?.status == .cancelled)
            try await expect("cancelled", of: "stream", connection)

            // A call that nobody holds any more is reset, too.
            try await forget(connection)
            try await expect("cancelled", of: "forgotten", connection)
            #expect(connection.activeCalls == 0)
            await connection.close(deadline: .now)
        }
    }

    private func forget(_ connection: any Connection) async throws {
        let stream = try await connection.open(.peer("Ticks"))
        try await stream.send(sleep("forgotten"))
        #expect(try await stream.receive() != nil)
    }

    @Test func theEndOfAServerEndsItsConnection() async throws {
        try await PeerPrograms.withServer { program, node in
            let connection = try await transport.connect(to: node, as: .host("localhost"))
            let request = try sleep("lost")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await connection.unary(.peer("Sleep"), request) }
                try await expect("running", of: "lost", connection)
                program.send(signal: 9)
                let error = try await failure { try await group.waitForAll() }
                #expect(error?.status == .unavailable)
                #expect(error?.processed == .maybe)
            }
            #expect(!connection.isUsable)
            let error = try await failure { _ = try await connection.unary(.peer("Unary"), EncodedMessage()) }
            #expect(error?.status == .unavailable)
            #expect(error?.processed == .no)
            await connection.close(deadline: .now)
        }
        // Another server takes over.
        try await PeerPrograms.withServer { _, node in
            let connection = try await transport.connect(to: node, as: .host("localhost"))
            _ = try await connection.unary(.peer("Unary"), EncodedMessage(payload: Data()))
            await connection.close(deadline: .now)
        }
    }

    @Test func seesAServerGoAway() async throws {
        try await PeerPrograms.withServer { program, node in
            let connection = try await transport.connect(to: node, as: .host("localhost"))
            _ = try await connection.unary(.peer("Unary"), EncodedMessage(payload: Data()))
            program.closeInput()
            try await eventually("the connection to be unusable") { !connection.isUsable }
            let error = try await failure { _ = try await connection.unary(.peer("Unary"), EncodedMessage()) }
            #expect(error?.processed == .no)
            await connection.close(deadline: .now)
        }
    }

    @Test func keepaliveIsAnswered() async throws {
        try await PeerPrograms.withServer { _, node in
            var configuration = HTTP2Transport.Configuration()
            configuration.clientKeepaliveInterval = .milliseconds(50)
            configuration.keepaliveTimeout = .seconds(20)
            let transport = HTTP2Transport(configuration: configuration)
            let connection = try await transport.connect(to: node, as: .host("localhost"))
            let request = Peer_SleepRequest.with { ($0.milliseconds, $0.id) = (1000, "pinged") }
            _ = try await connection.unary(.peer("Sleep"), EncodedMessage(encoding: request))
            #expect(connection.isUsable)
            await connection.close(deadline: .now)
        }
    }
}
