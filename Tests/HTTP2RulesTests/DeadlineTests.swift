import Foundation
import HTTP2TestPeer
import MicroCore
import MicroHTTP2
import MicroTransportHTTP2
import Synchronization
import Testing

@testable import MicroGRPC

/// Deadlines that pass: the side that knows of it says DEADLINE_EXCEEDED, and no handler begins afterwards.
@Suite(.timeLimit(.minutes(2))) struct DeadlineTests {
    struct Ending: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var frames: [Frame]
    }

    /// How servers end a call at its deadline.
    static let endings: [Ending] = [
        Ending(testDescription: "RST_STREAM(CANCEL)", frames: [.reset(ErrorCode.cancel, stream: 1)]),
        Ending(
            testDescription: "an answer of trailers alone with CANCELLED",
            frames: [.headers(ClientRule.head + [("grpc-status", "1")], stream: 1, ends: true)]),
        Ending(
            testDescription: "trailers with CANCELLED",
            frames: [
                .headers(ClientRule.head, stream: 1), .data(framed([1]), stream: 1),
                .headers([("grpc-status", "1")], stream: 1, ends: true),
            ]),
    ]

    /// The server's timer is faster than ours, which has not fired.
    @Test(arguments: endings)
    func aCancellationBehindTheDeadlineIsTheDeadline(_ ending: Ending) throws {
        let client = try EmbeddedClient()
        let stream = client.call(timeout: .milliseconds(10), message: EncodedMessage([1])).stream
        usleep(20_000)
        for frame in ending.frames { try client.receive(frame) }
        _ = stream.poll()
        #expect(stream.failure?.status == .deadlineExceeded)
        #expect(client.status.activeCalls == 0)
        try client.close()
    }

    @Test(arguments: endings)
    func aCancellationBeforeTheDeadlineIsACancellation(_ ending: Ending) throws {
        let client = try EmbeddedClient()
        let stream = client.call(timeout: .seconds(600), message: EncodedMessage([1])).stream
        for frame in ending.frames { try client.receive(frame) }
        while case .success(.some)? = stream.poll() {}
        #expect(stream.failure?.status == .cancelled)
        try client.close()
    }

    /// A caller that is cancelled at the deadline, as a handler is whose own time is over.
    @Test func aCallerThatIsCancelledBehindTheDeadline() throws {
        let client = try EmbeddedClient()
        let stream = client.call(timeout: .milliseconds(10), message: EncodedMessage([1])).stream
        usleep(20_000)
        stream.cancel()
        #expect(stream.failure?.status == .deadlineExceeded)
        #expect(try client.sent().contains { $0.kind == .reset && $0.number(at: 0) == ErrorCode.cancel })
        try client.close()
    }

    @Test(arguments: [
        ("grpc-timeout", "0n"), ("grpc-timeout", "0S"), ("grpc-timeout", "5u"), ("timeout", "0"),
    ])
    func noHandlerBeginsBehindTheDeadline(_ name: String, _ value: String) async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            let started = listening.server.started
            for (index, path) in ["Echo", "Stream", "Deaf", "Many"].enumerated() {
                let answer = try await connection.call(
                    "/test.Test/\(path)", more: [(name, value)], stream: UInt32(2 * index + 1))
                #expect(answer["grpc-status"] == "4", "\(path)")
            }
            #expect(listening.server.started == started)
            await connection.close()
        }
    }

    /// The threads of the pool are all busy until the deadline has passed.
    @Test func noHandlerBeginsLateInThePool() async throws {
        let late = Atomic(0)
        let executionPolicy = ExecutionPolicy(.globalPool)
        let handler = ClosureHandler { head in
            .unary(
                { (_, message) async throws(MicroError) in
                    if head.path == "/test.Test/Block" {
                        usleep(50_000)
                    } else {
                        late.add(1, ordering: .relaxed)
                    }
                    return UnaryReply(message)
                }, executionPolicy)
        }
        var limits = GRPCLimits()
        limits.http2.maximumConcurrentStreams = 10_000
        let listener = try await GRPCListener.open(
            on: .host("127.0.0.1", port: 0), handler: handler, limits: limits, tls: nil)
        let connection = try await RawConnection.open(to: listener.address)
        let blockers = (0..<4 * ProcessInfo.processInfo.activeProcessorCount).map { UInt32(2 * $0 + 1) }
        let requests = blockers.flatMap { stream in
            Frame.request(stream, "/test.Test/Block").bytes
                + Frame.data(framed([1]), stream: stream, ends: true).bytes
        }
        try await connection.send(requests)
        let answer = try await connection.call(
            "/test.Test/Late", more: [("grpc-timeout", "20m")], stream: 9999)
        #expect(answer["grpc-status"] == "4")
        await connection.close()
        await listener.shutdown(deadline: .now + .seconds(60))
        #expect(late.load(ordering: .relaxed) == 0)
    }
}
