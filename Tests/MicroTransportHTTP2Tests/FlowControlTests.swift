import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// A reader that does not read stops its own call, and no more than a bound is held for it.
@Suite(.timeLimit(.minutes(2))) struct FlowControlTests {
    @Test func aClientThatDoesNotReadStopsItsCallOnly() async throws {
        try await withTestServer { listening in
            let transport = HTTP2Transport()
            let connection = try await transport.connect(to: listening.node, as: .host("localhost"))
            let stream = try await connection.open(CallHead(path: "/test.Test/Many"))
            try await stream.send(EncodedMessage())
            try await stream.finish()
            // What is sent lies in the client's window and the server's buffer, both of 256 KiB, and in
            // a message beyond each.
            let sent = try await settled { listening.server.sent }
            #expect(sent * (64 << 10) <= 1 << 20, "\(sent) messages of 64 KiB")
            for _ in 0..<20 { try await expectWorks(connection) }
            for _ in 0..<(sent + 20) { #expect(try await stream.receive()?.count == 64 << 10) }
            #expect(listening.server.sent >= sent + 20)
            stream.cancel()
            try await eventually("the handler to end") { listening.server.running == 0 }
            await connection.close(deadline: .now)
        }
    }

    @Test(arguments: [ExecutionPolicy.Choice.inPlace, .globalPool])
    func aHandlerThatDoesNotReadStopsItsCallOnly(_ executionPolicy: ExecutionPolicy.Choice) async throws {
        try await withTestServer(executionPolicy: executionPolicy) { listening in
            let transport = HTTP2Transport()
            let connection = try await transport.connect(to: listening.node, as: .host("localhost"))
            let stream = try await connection.open(CallHead(path: "/test.Test/Deaf"))
            let counter = Counter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let message = EncodedMessage([UInt8](repeating: 1, count: 64 << 10))
                    while true {
                        try await stream.send(message)
                        counter.increment()
                    }
                }
                let sent = try await settled { counter.value }
                #expect(sent * (64 << 10) <= 1 << 20, "\(sent) messages of 64 KiB")
                for _ in 0..<20 { try await expectWorks(connection) }
                group.cancelAll()
                let error = try await failure { try await group.waitForAll() }
                #expect(error?.status == .cancelled)
            }
            try await eventually("the handler to end") { listening.server.running == 0 }
            await connection.close(deadline: .now)
        }
    }

    /// A client that neither opens windows nor reads from its socket.
    @Test func aSocketThatIsNotReadHarmsNobody() async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await connection.send(
                Frame(.settings, [0, 4, 0x7F, 0xFF, 0xFF, 0xFF]), .windowUpdate(0x7000_0000, stream: 0))
            try await connection.setReading(false)
            let many = RawConnection.request("/test.Test/Many")
            for stream in [1, 3, 5] as [UInt32] {
                try await connection.send(
                    .headers(many, stream: stream), .data(framed([]), stream: stream, ends: true))
            }
            try await eventually("the handlers to run") { listening.server.running == 3 }
            // The system's own socket buffers hold some megabytes.
            let sent = try await settled { listening.server.sent }
            #expect(sent * (64 << 10) <= 24 << 20, "\(sent) messages of 64 KiB")
            let other = try await RawConnection.open(to: listening.address)
            #expect(try await other.call()["grpc-status"] == "0")
            await other.close()
            await connection.close()
            try await eventually("the handlers to end") { listening.server.running == 0 }
        }
    }

    /// A client whose window is shut gets its answer never; its deadline frees what waits for it.
    @Test(arguments: ["/test.Test/Echo", "/test.Test/Many"])
    func anAnswerThatIsNotTakenIsDroppedAtTheDeadline(_ path: String) async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await connection.send(Frame(.settings, [0, 4, 0, 0, 0, 0]))
            let request = RawConnection.request(path, more: [("grpc-timeout", "200m")])
            try await connection.send(
                .headers(request, stream: 1), .data(framed([1, 2, 3]), stream: 1, ends: true))
            let reset = try await connection.frame { $0.kind == .reset && $0.stream == 1 }
            #expect(reset?.number(at: 0) == ErrorCode.cancel)
            try await eventually("the handler to end") { listening.server.running == 0 }
            await connection.close()
        }
    }

    /// What a call may send before its handler has read it is as much as the settings say.
    @Test func theWindowOpensAsMessagesAreRead() async throws {
        try await withTestServer { listening in
            let (connection, settings) = try await RawConnection.connectAndReadSettings(of: listening.address)
            #expect(settings.payload.contains([0, 4, 0, 4, 0, 0]))
            try await connection.send(Frame(.settings, flags: Frame.ack))
            try await connection.send(.headers(RawConnection.request("/test.Test/Deaf"), stream: 1))
            let message = framed([UInt8](repeating: 0, count: 16379))
            for _ in 0..<16 { try await connection.send(.data(message, stream: 1)) }
            // One byte more than the window is the client's fault.
            try await connection.send(.data([0], stream: 1))
            let reset = try await connection.frame { $0.kind == .reset || $0.stream == 1 }
            #expect(reset?.kind == .reset)
            #expect(reset?.number(at: 0) == ErrorCode.flowControl)

            // A handler that reads gets much more than one window.
            try await connection.send(
                .windowUpdate(1 << 24, stream: 0),
                .headers(RawConnection.request("/test.Test/Stream"), stream: 3),
                .windowUpdate(1 << 24, stream: 3))
            var credit = 256 << 10
            for _ in 0..<64 {
                while credit < message.count {
                    let update = try #require(
                        try await connection.frame { $0.kind == .windowUpdate && $0.stream == 3 })
                    credit += Int(update.number(at: 0))
                }
                try await connection.send(.data(message, stream: 3))
                credit -= message.count
            }
            try await eventually("all messages") { listening.server.received == 64 }
            await connection.close()
            try await eventually("the handlers to end") { listening.server.running == 0 }
        }
    }

    /// Returns a number that goes up, once it has stopped.
    private func settled(_ number: () -> Int) async throws -> Int {
        var last = -1
        while number() != last || last == 0 {
            last = number()
            try await Task.sleep(for: .milliseconds(300))
        }
        return last
    }
}

extension [UInt8] {
    fileprivate func contains(_ part: [UInt8]) -> Bool {
        indices.contains { self[$0...].starts(with: part) }
    }
}
