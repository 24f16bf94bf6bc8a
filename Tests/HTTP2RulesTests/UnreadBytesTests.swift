import HTTP2TestPeer
import MicroCore
import MicroGRPC
import MicroHTTP2
import MicroTestSupport
import Testing

/// What the calls of one connection may hold of messages that are not complete or not read.
@Suite(.timeLimit(.minutes(2))) struct UnreadBytesTests {
    /// Room for the excess of two messages of 250 KiB, but not of three.
    private static var limits: GRPCLimits {
        var limits = GRPCLimits()
        limits.http2.streamWindow = 64 << 10
        limits.maximumMessageSize = 256 << 10
        limits.maximumUnreadBytes = 400 << 10
        return limits
    }

    private static let message = framed([UInt8](repeating: 1, count: 250 << 10))

    /// All of a message but its end.
    private static let most = Array(message.prefix(240 << 10))
    private static let end = Array(message.suffix(message.count - most.count))

    private func withServer(
        _ limits: GRPCLimits = Self.limits, _ body: (RawConnection, TestServer) async throws -> Void
    ) async throws {
        let server = TestServer()
        let listener = try await GRPCListener.open(
            on: .host("127.0.0.1", port: 0), handler: server, limits: limits, tls: nil)
        let connection = try await RawConnection.open(to: listener.address)
        // Nothing that we don't take stands in the way of the answers.
        try await connection.send(.settings((4, 1 << 24)), .windowUpdate(1 << 24, stream: 0))
        try await body(connection, server)
        await connection.close()
        await listener.shutdown(deadline: .now)
    }

    /// Begins a call, and sends bytes as its window allows.
    ///
    /// - Returns: The status of the call, if it ended before all were sent.
    private func upload(
        _ bytes: [UInt8], _ stream: UInt32, _ connection: RawConnection, _ path: String = "/test.Test/Echo"
    ) async throws -> String? {
        try await connection.send(.request(stream, path))
        // The server opens the window again when half of it was used.
        for part in stride(from: 0, to: bytes.count, by: 32 << 10) {
            let half = bytes[part..<min(part + (32 << 10), bytes.count)]
            try await connection.send(
                .data(Array(half.prefix(16 << 10)), stream: stream),
                .data(Array(half.dropFirst(16 << 10)), stream: stream))
            guard half.count == 32 << 10 else { break }
            if let status = try await endOrWindow(of: stream, connection) { return status }
        }
        return nil
    }

    /// Waits until a call's window is opened, or the call ends.
    private func endOrWindow(of stream: UInt32, _ connection: RawConnection) async throws -> String? {
        while let frame = try await connection.frame() {
            if frame.kind == .windowUpdate, frame.stream == stream { return nil }
            guard frame.kind == .headers else { continue }
            let fields = try connection.fields(of: frame)
            guard frame.stream == stream, frame.has(Frame.endStream) else { continue }
            return fields.first { $0.0 == "grpc-status" }?.1
        }
        throw Waited(for: "a window")
    }

    /// Sends the end of a message of which the most was sent before.
    private func complete(_ stream: UInt32, _ connection: RawConnection) async throws -> String? {
        try await connection.send(.data(Self.end, stream: stream, ends: true))
        return try await connection.answer(on: stream)["grpc-status"]
    }

    @Test(arguments: ["/test.Test/Echo", "/test.Test/Stream"])
    func unfinishedMessages(_ path: String) async throws {
        try await withServer { connection, server in
            #expect(try await upload(Self.most, 1, connection, path) == nil)
            #expect(try await upload(Self.most, 3, connection, path) == nil)
            #expect(try await upload(Self.most, 5, connection, path) == "8")
            // The others go on, and so do short calls.
            #expect(try await connection.call(stream: 7)["grpc-status"] == "0")
            #expect(try await complete(1, connection) == "0")
            // One place is free again.
            #expect(try await upload(Self.most, 9, connection, path) == nil)
            #expect(try await upload(Self.most, 11, connection, path) == "8")
            #expect(try await complete(3, connection) == "0")
            #expect(try await complete(9, connection) == "0")
            try await eventually("the handlers to end") { server.running == 0 }
        }
    }

    /// Messages that are complete, and that no handler reads.
    @Test func unreadMessages() async throws {
        try await withServer { connection, server in
            #expect(try await upload(Self.message, 1, connection, "/test.Test/Deaf") == nil)
            #expect(try await upload(Self.message, 3, connection, "/test.Test/Deaf") == nil)
            #expect(try await upload(Self.most, 5, connection, "/test.Test/Deaf") == "8")
            try await eventually("the third handler to end") { server.running == 2 }
            // What a call held that was given up is free again.
            try await connection.send(.reset(ErrorCode.cancel, stream: 1))
            try await eventually("the first handler to end") { server.running == 1 }
            #expect(try await upload(Self.most, 7, connection) == nil)
            #expect(try await complete(7, connection) == "0")
        }
    }

    /// What was read is off the account, however much there was of it in all.
    @Test func messagesThatAreRead() async throws {
        try await withServer { connection, server in
            let all = (0..<8).flatMap { _ in Self.message }
            #expect(try await upload(all + Self.most, 1, connection, "/test.Test/Stream") == nil)
            #expect(try await upload(Self.most, 3, connection) == nil)
            #expect(try await upload(Self.most, 5, connection) == "8")
            try await eventually("the messages to be read") { server.received == 8 }
        }
    }

    /// However little is allowed, a message of the greatest length is.
    @Test func oneMessageIsAlwaysAllowed() async throws {
        var limits = Self.limits
        limits.maximumUnreadBytes = 1
        try await withServer(limits) { connection, _ in
            for stream: UInt32 in [1, 3] {
                let message = framed([UInt8](repeating: 1, count: limits.maximumMessageSize))
                #expect(try await upload(Array(message.dropLast(1000)), stream, connection) == nil)
                try await connection.send(.data(Array(message.suffix(1000)), stream: stream, ends: true))
                #expect(try await connection.answer(on: stream)["grpc-status"] == "0")
            }
        }
    }
}
