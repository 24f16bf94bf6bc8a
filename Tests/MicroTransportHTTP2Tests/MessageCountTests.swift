import HTTP2TestPeer
import MicroCore
import MicroTransportHTTP2
import Testing

/// How many messages requests have that should have one (gRPC, "Status codes and their use": cardinality).
@Suite(.timeLimit(.minutes(2))) struct MessageCountTests {
    /// Sends frames to an endpoint, one write for each, and returns the answer and how many handlers ran.
    private func answer(
        _ path: String, _ frames: [Frame], pause: Duration? = nil
    ) async throws -> (answer: RawAnswer, started: Int) {
        var result = (answer: RawAnswer(), started: 0)
        try await withTestServer { listening in
            let before = listening.server.started
            let connection = try await RawConnection.open(to: listening.address)
            try await connection.send(.headers(RawConnection.request(path), stream: 1))
            for frame in frames {
                try await connection.send(frame)
                if let pause { try await Task.sleep(for: pause) }
            }
            result.answer = try await connection.answer(on: 1)
            result.started = listening.server.started - before
            #expect(try await connection.call(stream: 3)["grpc-status"] == "0")
            await connection.close()
        }
        return result
    }

    @Test(arguments: ["/test.Test/Echo", "/test.Test/Hang"])
    func aSecondMessageIsUnimplemented(_ path: String) async throws {
        let (one, two) = (framed([1]), framed([2]))
        for frames in [
            [Frame.data(one + two, stream: 1, ends: true)],
            [.data(one, stream: 1), .data(two, stream: 1, ends: true)],
            [.data(one, stream: 1), .data(two, stream: 1)],
            [.data(one + [0], stream: 1), .data(Array(two.dropFirst()), stream: 1, ends: true)],
        ] {
            let (answer, started) = try await answer(path, frames)
            #expect(answer["grpc-status"] == "12")
            #expect(answer["grpc-message"]?.contains("second message") == true)
            #expect(started == 0)
        }
    }

    @Test(arguments: ["/test.Test/Echo", "/test.Test/Hang", "/test.Test/Many"])
    func noMessageIsUnimplemented(_ path: String) async throws {
        let (answer, started) = try await answer(path, [.data([], stream: 1, ends: true)])
        #expect(answer["grpc-status"] == "12")
        #expect(answer["grpc-message"]?.contains("without a message") == true)
        #expect(started == 0)
    }

    /// A handler that runs already, since the request did not end for long, has lost its call.
    @Test func aLateSecondMessageIsUnimplemented() async throws {
        let (answer, started) = try await answer(
            "/test.Test/Hang", [.data(framed([1]), stream: 1), .data(framed([2]), stream: 1, ends: true)],
            pause: .seconds(1))
        #expect(answer["grpc-status"] == "12")
        #expect(started == 1)
    }

    @Test func aSecondMessageToAStreamOfRepliesIsUnimplemented() async throws {
        let (answer, started) = try await answer(
            "/test.Test/Many", [.data(framed([1]) + framed([2]), stream: 1, ends: true)])
        #expect(answer["grpc-status"] == "12")
        #expect(started == 0)
    }

    /// An end that comes in a frame of its own, or never, changes nothing for a request with one message.
    @Test func theEndMayComeLaterOrNever() async throws {
        for frames in [
            [Frame.data(framed([1]), stream: 1), .data([], stream: 1, ends: true)],
            [.data(framed([1]), stream: 1)],
            [.data(framed([1]), stream: 1), .headers([("x", "y")], stream: 1, ends: true)],
        ] {
            let (answer, started) = try await answer("/test.Test/Echo", frames)
            #expect(answer["grpc-status"] == "0")
            #expect(answer.body == framed([1]))
            #expect(started == 1)
        }
    }
}
