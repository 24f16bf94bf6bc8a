import HTTP2TestPeer
import MicroCore
import MicroNIO
import MicroTransportHTTP2
import NIOPosix
import Synchronization
import Testing

/// Where handlers run.
@Suite(.timeLimit(.minutes(2))) struct ExecutionPolicyTests {
    /// A handler that takes some time, and notes whether it had the thread of a connection.
    private final class Worker: CallHandler {
        private struct State { var onLoop = 0, onPool = 0 }

        private let state = Mutex(State())
        private let executionPolicy: ExecutionPolicy
        private let time: Duration

        init(_ executionPolicy: ExecutionPolicy.Choice, time: Duration) {
            self.executionPolicy = ExecutionPolicy(executionPolicy)
            self.time = time
        }

        var onLoop: Int { state.withLock(\.onLoop) }
        var onPool: Int { state.withLock(\.onPool) }

        func accept(_ head: CallHead) -> CallDecision {
            .unary(
                { (_, message) async throws(MicroError) in
                    let isOnLoop = MultiThreadedEventLoopGroup.currentEventLoop != nil
                    self.state.withLock { if isOnLoop { $0.onLoop += 1 } else { $0.onPool += 1 } }
                    let end = ContinuousClock.now + self.time
                    while ContinuousClock.now < end {}
                    return UnaryReply(message)
                }, executionPolicy)
        }
    }

    private func call(_ worker: Worker, times: Int, message: EncodedMessage = EncodedMessage([1]))
        async throws
    {
        let transport = HTTP2Transport()
        let listener = try await transport.listen(on: .host("127.0.0.1", port: 0), handler: worker)
        let connection = try await transport.connect(
            to: Node(id: "x-1", address: "\(listener.address)"), as: .host("localhost"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<times {
                group.addTask {
                    _ = try await connection.unary(CallHead(path: "/test.Test/Work"), message)
                }
            }
            try await group.waitForAll()
        }
        await connection.close(deadline: .now)
        await listener.shutdown(deadline: .now)
    }

    /// Decoding a large message may take seconds, which no other call of the connection's thread should wait for.
    @Test func largeMessagesAreDecodedOnThePool() async throws {
        let worker = Worker(.automatic, time: .zero)
        try await call(worker, times: 3)
        #expect(worker.onLoop == 3)
        try await call(worker, times: 3, message: EncodedMessage([UInt8](repeating: 1, count: 100_000)))
        #expect(worker.onPool == 3)
    }

    @Test func stayWhereTheyAreTold() async throws {
        let inPlace = Worker(.inPlace, time: .microseconds(200))
        try await call(inPlace, times: 50)
        #expect(inPlace.onLoop == 50)
        let pool = Worker(.globalPool, time: .zero)
        try await call(pool, times: 50)
        #expect(pool.onPool == 50)
    }

    @Test func slowHandlersMoveToThePool() async throws {
        let slow = Worker(.automatic, time: .microseconds(300))
        try await call(slow, times: 400)
        #expect(slow.onLoop > 0)
        #expect(slow.onPool > slow.onLoop)
    }

    /// Many slow handlers in one read don't keep the first answer back until the last is done.
    @Test func fourHundredHandlersAtOnce() async throws {
        let answered = Counter()
        let seen = Counter()
        let started = Counter()
        let handler = ClosureHandler { _ in
            .unary(
                { (_, message) async throws(MicroError) in
                    started.increment()
                    let time: Duration = started.value == 400 ? .seconds(30) : .microseconds(200)
                    let end = ContinuousClock.now + time
                    // The last one holds the thread until the client has an answer.
                    while ContinuousClock.now < end, started.value < 400 || answered.value == 0 {}
                    if started.value == 400, answered.value > 0 { seen.increment() }
                    return UnaryReply(message)
                }, ExecutionPolicy(.inPlace))
        }
        let transport = HTTP2Transport(configuration: .init(maximumConcurrentStreams: 1000))
        let listener = try await transport.listen(on: .host("127.0.0.1", port: 0), handler: handler)
        let connection = try await RawConnection.open(to: listener.address)
        _ = try await connection.frame { $0.kind == .settings && $0.has(Frame.ack) }
        let fields = RawConnection.request("/test.Test/Work")
        let requests = (0..<400).flatMap { index in
            let stream = UInt32(2 * index + 1)
            return Frame.headers(fields, stream: stream).bytes
                + Frame.data(framed([1]), stream: stream, ends: true).bytes
        }
        try await connection.send(requests)
        var ended = 0
        while ended < 400, let frame = try await connection.frame() {
            if frame.kind == .data { answered.increment() }
            if frame.kind == .headers, frame.has(Frame.endStream) { ended += 1 }
        }
        #expect(ended == 400)
        #expect(seen.value == 1)
        await connection.close()
        await listener.shutdown(deadline: .now)
    }
}
