import MicroCore
import MicroPluginKit

// Deadlines and cancellation.
extension TransportConformance {
    static let limitPhases: [(String, Check)] = [
        ("the server sees the deadline", deadlineArrives),
        ("a deadline ends a unary call on both sides", unaryDeadline),
        ("a deadline ends a stream on both sides", streamDeadline),
        ("a deadline that has passed", passedDeadline),
        ("cancelling the caller of a unary call", unaryCancellation),
        ("cancelling a stream", streamCancellation),
        ("cancelling a task that reads", readerCancellation),
        ("what a cancelled handler returns is dropped", lateReply),
    ]

    private static func deadlineArrives(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { head in
            let left = head.deadline.map { $0 - .now }
            fixture.findings.expect(
                left.map { $0 > .zero && $0 <= .seconds(301) } == true,
                "A deadline in 300 s arrived as \(left.map { "\($0)" } ?? "none").")
            return .unary({ _, message in UnaryReply(message) }, executionPolicy)
        } _: { connection in
            let head = CallHead(path: "/conformance.Test/Echo", deadline: .now + .seconds(300))
            _ = try await connection.unary(head, EncodedMessage())
        }
    }

    /// A handler that does nothing until it is cancelled, and tells when that is.
    private static func waiting(
        _ fixture: Fixture, started: Latch? = nil, cancelled: Latch
    ) -> @Sendable (CallHead) -> CallDecision {
        let executionPolicy = fixture.executionPolicy
        return { head in
            switch head.path {
            case "/conformance.Test/Wait":
                .unary(
                    { (_, message) async throws(MicroError) -> UnaryReply in
                        defer { cancelled.open() }
                        started?.open()
                        try await Latch().waitInHandler()
                        return UnaryReply(message)
                    }, executionPolicy)
            case "/conformance.Test/WaitStream":
                .stream(
                    { (_, stream) async throws(MicroError) -> Metadata in
                        defer { cancelled.open() }
                        started?.open()
                        while try await stream.receive() != nil {}
                        return [:]
                    }, executionPolicy)
            default: .unary({ _, message in UnaryReply(message) }, executionPolicy)
            }
        }
    }

    /// Checks that a connection still works.
    private static func expectEcho(_ connection: any Connection, _ what: String, _ fixture: Fixture)
        async throws
    {
        let reply = try await connection.unary(
            CallHead(path: "/conformance.Test/Echo"), EncodedMessage(text: "hello"))
        fixture.findings.expect(
            reply.message.text == "hello", "\(what): another call of the connection fails.")
    }

    private static func unaryDeadline(_ fixture: Fixture) async throws {
        let cancelled = Latch()
        try await fixture.withConnection(waiting(fixture, cancelled: cancelled)) { connection in
            let head = CallHead(path: "/conformance.Test/Wait", deadline: .now + .milliseconds(100))
            try await fixture.expectError(.deadlineExceeded, when: "A unary call beyond its deadline") {
                _ = try await connection.unary(head, EncodedMessage())
            }
            try await cancelled.waitUnlessCancelled()
            try await expectEcho(connection, "A passed deadline", fixture)
        }
    }

    private static func streamDeadline(_ fixture: Fixture) async throws {
        let cancelled = Latch()
        try await fixture.withConnection(waiting(fixture, cancelled: cancelled)) { connection in
            let head = CallHead(path: "/conformance.Test/WaitStream", deadline: .now + .milliseconds(100))
            let call = try await connection.open(head)
            try await call.send(EncodedMessage(text: "one"))
            try await fixture.expectError(.deadlineExceeded, when: "A stream beyond its deadline") {
                _ = try await call.receive()
            }
            try await fixture.expectError(.deadlineExceeded, when: "Sending beyond the deadline") {
                try await call.send(EncodedMessage(text: "two"))
            }
            try await cancelled.waitUnlessCancelled()
            try await expectEcho(connection, "A passed deadline", fixture)
        }
    }

    private static func passedDeadline(_ fixture: Fixture) async throws {
        try await fixture.withConnection(waiting(fixture, cancelled: Latch())) { connection in
            let head = CallHead(path: "/conformance.Test/Wait", deadline: .now - .seconds(1))
            try await fixture.expectError(.deadlineExceeded, when: "A call whose deadline has passed") {
                _ = try await connection.unary(head, EncodedMessage())
            }
            try await fixture.expectError(.deadlineExceeded, when: "A stream whose deadline has passed") {
                _ = try await connection.open(head).receive()
            }
        }
    }

    private static func unaryCancellation(_ fixture: Fixture) async throws {
        let (started, cancelled) = (Latch(), Latch())
        try await fixture.withConnection(waiting(fixture, started: started, cancelled: cancelled)) {
            connection in
            try await withThrowingTaskGroup { group in
                group.addTask {
                    try await fixture.expectError(.cancelled, when: "A cancelled unary call") {
                        _ = try await connection.unary(
                            CallHead(path: "/conformance.Test/Wait"), EncodedMessage())
                    }
                }
                try await started.waitUnlessCancelled()
                group.cancelAll()
                try await group.waitForAll()
            }
            try await cancelled.waitUnlessCancelled()
            try await expectEcho(connection, "A cancelled call", fixture)
            fixture.findings.expect(connection.activeCalls == 0, "A cancelled call still counts as active.")
        }
    }

    private static func streamCancellation(_ fixture: Fixture) async throws {
        let (started, cancelled) = (Latch(), Latch())
        try await fixture.withConnection(waiting(fixture, started: started, cancelled: cancelled)) {
            connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/WaitStream"))
            try await call.send(EncodedMessage(text: "one"))
            try await started.waitUnlessCancelled()
            call.cancel()
            call.cancel()
            try await cancelled.waitUnlessCancelled()
            try await fixture.expectError(.cancelled, when: "Reading a cancelled call") {
                _ = try await call.receive()
            }
            try await fixture.expectError(.cancelled, when: "Writing to a cancelled call") {
                try await call.send(EncodedMessage())
            }
            try await expectEcho(connection, "A cancelled stream", fixture)
        }
    }

    private static func readerCancellation(_ fixture: Fixture) async throws {
        let (started, cancelled) = (Latch(), Latch())
        try await fixture.withConnection(waiting(fixture, started: started, cancelled: cancelled)) {
            connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/WaitStream"))
            try await withThrowingTaskGroup { group in
                group.addTask {
                    try await fixture.expectError(.cancelled, when: "A read in a cancelled task") {
                        _ = try await call.receive()
                    }
                }
                try await started.waitUnlessCancelled()
                group.cancelAll()
                try await group.waitForAll()
            }
            try await cancelled.waitUnlessCancelled()
            try await expectEcho(connection, "A cancelled reader", fixture)
        }
    }

    private static func lateReply(_ fixture: Fixture) async throws {
        let (started, goOn, finished) = (Latch(), Latch(), Latch())
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { head in
            guard head.path.hasSuffix("Stubborn") else {
                return .unary({ _, message in UnaryReply(message) }, executionPolicy)
            }
            return .unary(
                { _, message in
                    started.open()
                    // The handler takes no notice of the cancellation, and answers all the same.
                    await goOn.waitIgnoringCancellation()
                    finished.open()
                    return UnaryReply(message)
                }, executionPolicy)
        } _: { connection in
            try await withThrowingTaskGroup { group in
                group.addTask {
                    try await fixture.expectError(.cancelled, when: "A call whose handler goes on") {
                        _ = try await connection.unary(
                            CallHead(path: "/conformance.Test/Stubborn"), EncodedMessage())
                    }
                }
                try await started.waitUnlessCancelled()
                group.cancelAll()
                try await group.waitForAll()
            }
            goOn.open()
            try await finished.waitUnlessCancelled()
            try await expectEcho(connection, "A reply to a cancelled call", fixture)
        }
    }
}
