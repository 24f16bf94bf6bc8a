import MicroCore
import MicroPluginKit
import MicroTestSupport

// Shutting down, closing, and addresses.
extension TransportConformance {
    static let endPhases: [(String, Check)] = [
        ("shutdown lets running calls finish", draining),
        ("shutdown cancels what remains at the deadline", shutdownDeadline),
        ("cancelling shutdown moves its deadline to now", cancelledShutdown),
        ("nobody listens", deadAddress),
        ("a taken address", takenAddress),
        ("closing a connection ends its calls", closing),
        ("closing a connection waits for its calls", closingLater),
        ("active calls are counted", counting),
    ]

    /// A handler that tells that it runs, and waits until it may go on.
    private static func gated(
        _ fixture: Fixture, started: Latch, goOn: Latch, ended: Latch = Latch()
    ) -> @Sendable (CallHead) -> CallDecision {
        let executionPolicy = fixture.executionPolicy
        return { _ in
            .unary(
                { (_, message) async throws(MicroError) -> UnaryReply in
                    defer { ended.open() }
                    started.open()
                    try await goOn.waitInHandler()
                    return UnaryReply(message)
                }, executionPolicy)
        }
    }

    private static let head = CallHead(path: "/conformance.Test/Gate")

    /// Makes a call that has to get its reply.
    private static func expectReply(
        _ connection: any Connection, _ fixture: Fixture, to what: String
    ) async throws {
        let reply = try await connection.unary(head, EncodedMessage(text: "last"))
        fixture.findings.expect(reply.message.text == "last", "\(what) got a wrong reply.")
    }

    /// Ends a server or connection while a call waits in its handler, which has to fail then.
    ///
    /// `ended` is open once the handler has returned; `afterwards` runs once the call has failed as well.
    private static func withCutCall(
        _ fixture: Fixture, _ what: String,
        end: (_ server: Fixture.Server, _ connection: any Connection, _ ended: Latch) async throws -> Void,
        afterwards: (_ connection: any Connection, _ ended: Latch) async throws -> Void = { _, _ in }
    ) async throws {
        let (started, ended) = (Latch(), Latch())
        try await fixture.withServer(gated(fixture, started: started, goOn: Latch(), ended: ended)) {
            server in
            let connection = try await server.connect()
            try await withThrowingTaskGroup { group in
                group.addTask {
                    try await fixture.expectError(when: what) {
                        _ = try await connection.unary(head, EncodedMessage())
                    }
                }
                try await started.waitUnlessCancelled()
                try await end(server, connection, ended)
                try await group.waitForAll()
            }
            try await afterwards(connection, ended)
            await connection.close(deadline: .now)
        }
    }

    private static func draining(_ fixture: Fixture) async throws {
        let (started, goOn) = (Latch(), Latch())
        try await fixture.withServer(gated(fixture, started: started, goOn: goOn)) { server in
            let connection = try await server.connect()
            try await withThrowingTaskGroup { group in
                group.addTask { try await expectReply(connection, fixture, to: "A draining call") }
                try await started.waitUnlessCancelled()
                group.addTask { await server.listener.shutdown(deadline: .now + .seconds(30)) }
                try await eventually(
                    "a connection isn't usable while its server drains", within: .seconds(10)
                ) {
                    !connection.isUsable
                }
                let error = try await fixture.expectError(
                    .unavailable, when: "A call to a server that drains"
                ) {
                    _ = try await connection.unary(head, EncodedMessage())
                }
                fixture.findings.expect(
                    error?.processed == .no, "A call that a draining server refused counts as processed.")
                goOn.open()
                try await group.waitForAll()
            }
            await connection.close(deadline: .now)
            try await expectDead(server, fixture)
        }
    }

    private static func expectDead(_ server: Fixture.Server, _ fixture: Fixture) async throws {
        let error = try await fixture.expectError(.unavailable, when: "Dialling a server that has gone") {
            _ = try await server.connect()
        }
        fixture.findings.expect(error?.processed == .no, "A failed dial counts as processed.")
    }

    private static func shutdownDeadline(_ fixture: Fixture) async throws {
        try await withCutCall(fixture, "A call that shutdown has cut off") { server, _, ended in
            await server.listener.shutdown(deadline: .now + .milliseconds(50))
            fixture.findings.expect(ended.isOpen, "A handler still runs after shutdown has returned.")
        }
    }

    private static func cancelledShutdown(_ fixture: Fixture) async throws {
        try await withCutCall(fixture, "A call that a cancelled shutdown has cut off") { server, _, ended in
            await withTaskGroup { shutdown in
                shutdown.addTask { await server.listener.shutdown(deadline: .now + .seconds(3600)) }
                shutdown.cancelAll()
            }
            fixture.findings.expect(ended.isOpen, "A handler still runs after a cancelled shutdown.")
        }
    }

    private static func deadAddress(_ fixture: Fixture) async throws {
        try await fixture.withServer(gated(fixture, started: Latch(), goOn: Latch())) { server in
            await server.listener.shutdown(deadline: .now)
            try await expectDead(server, fixture)
            // A second time does nothing.
            await server.listener.shutdown(deadline: .now)
        }
    }

    private static func takenAddress(_ fixture: Fixture) async throws {
        let transport = fixture.suite.server
        try await fixture.withServer(gated(fixture, started: Latch(), goOn: Latch())) { server in
            let scheme = transport.usesNamedAddresses ? transport.nodeProtocol.transport : nil
            fixture.findings.expect(
                server.listener.address.named?.scheme == scheme,
                "A listener's address is \(server.listener.address), and the transport "
                    + (scheme.map { "has names of the scheme \($0)." } ?? "has no names."))
            do {
                let second = try await fixture.suite.server.listen(
                    on: server.listener.address, handler: server.handler)
                fixture.findings.expect(false, "Two listeners have the address \(second.address).")
                await second.shutdown(deadline: .now)
            } catch let error as StartError {
                fixture.findings.expect(
                    error.message.contains(server.listener.address.description),
                    "The error of a taken address doesn't name it: \(error)")
            }
        }
    }

    private static func closing(_ fixture: Fixture) async throws {
        try await withCutCall(fixture, "A call on a connection that is closed") { _, connection, _ in
            await connection.close(deadline: .now)
        } afterwards: { connection, ended in
            try await ended.waitUnlessCancelled()
            fixture.findings.expect(!connection.isUsable, "A closed connection is usable.")
            fixture.findings.expect(connection.activeCalls == 0, "A closed connection has active calls.")
            let error = try await fixture.expectError(.unavailable, when: "A call on a closed connection") {
                _ = try await connection.unary(head, EncodedMessage())
            }
            fixture.findings.expect(
                error?.processed == .no, "A call on a closed connection counts as processed.")
            try await fixture.expectError(.unavailable, when: "A stream on a closed connection") {
                _ = try await connection.open(head).receive()
            }
        }
    }

    private static func closingLater(_ fixture: Fixture) async throws {
        let (started, goOn) = (Latch(), Latch())
        try await fixture.withServer(gated(fixture, started: started, goOn: goOn)) { server in
            let connection = try await server.connect()
            try await withThrowingTaskGroup { group in
                group.addTask { try await expectReply(connection, fixture, to: "A call before a close") }
                try await started.waitUnlessCancelled()
                group.addTask { await connection.close(deadline: .now + .seconds(30)) }
                try await eventually("a connection isn't usable while it closes", within: .seconds(10)) {
                    !connection.isUsable
                }
                goOn.open()
                try await group.waitForAll()
            }
        }
    }

    private static func counting(_ fixture: Fixture) async throws {
        let (started, goOn) = (Latch(), Latch())
        try await fixture.withConnection(gated(fixture, started: started, goOn: goOn)) { connection in
            fixture.findings.expect(connection.activeCalls == 0, "A new connection has active calls.")
            try await withThrowingTaskGroup { group in
                group.addTask { _ = try await connection.unary(head, EncodedMessage()) }
                try await started.waitUnlessCancelled()
                fixture.findings.expect(
                    connection.activeCalls == 1, "One call runs, and \(connection.activeCalls) are counted.")
                goOn.open()
                try await group.waitForAll()
            }
            fixture.findings.expect(connection.activeCalls == 0, "A call that is over counts as active.")
        }
    }
}
