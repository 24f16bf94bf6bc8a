import MicroCore
import MicroTestSupport
import Testing

@testable import MicroHTTP1

/// Peers that ask and don't read the answers.
@Suite(.timeLimit(.minutes(1))) struct HTTP1SlowReaderTests {
    /// Sends many requests at once and says so; after a line it reads all answers and prints how many bytes came.
    private static let asker = """
        import socket, sys
        host, port = sys.argv[1].rsplit(":", 1)
        s = socket.create_connection((host, int(port)), timeout=30)
        ask = b"GET / HTTP/1.1\\r\\nHost: x\\r\\n"
        s.sendall((ask + b"\\r\\n") * (int(sys.argv[2]) - 1) + ask + b"Connection: close\\r\\n\\r\\n")
        print("asked", flush=True)
        sys.stdin.readline()
        total = 0
        try:
            while data := s.recv(1 << 20): total += len(data)
        except OSError: pass
        print("read", total, "bytes", flush=True)
        """

    private let answer = [UInt8](repeating: 0x61, count: 4 << 20)

    private func whileAsking(
        _ limits: HTTP1Limits, _ body: (ForeignProgram, () -> Int) async throws -> Void
    ) async throws {
        let answer = answer
        let handled = Log<Int>()
        let server = try await HTTP1Server.open(on: .host("127.0.0.1", port: 0), limits: limits) { _ in
            handled.add(1)
            return HTTP1Response(status: 200, body: answer)
        }
        let program = try ForeignProgram(
            "python3", ["-c", Self.asker, server.address.description, "30"], package: "python3")
        try await program.waitForOutput("asked")
        try await body(program) { handled.all.count }
        await server.shutdown(deadline: .now)
    }

    @Test func answersWaitUntilTheOnesBeforeWereTaken() async throws {
        try await whileAsking(HTTP1Limits()) { program, handled in
            try await eventually("an answer") { handled() > 0 }
            // Time enough for all thirty, if they didn't wait.
            try await Task.sleep(for: .milliseconds(300))
            #expect(handled() < 15)
            try program.write("\n")
            try await program.waitForOutput("bytes")
            #expect(handled() == 30)
            let total = program.output.split(separator: " ").compactMap { Int($0) }.first
            #expect(try #require(total) > 30 * answer.count)
        }
    }

    @Test func whoDoesNotReadIsLeft() async throws {
        var limits = HTTP1Limits()
        limits.answerTimeout = .milliseconds(200)
        try await whileAsking(limits) { program, handled in
            try await eventually("an answer") { handled() > 0 }
            try await Task.sleep(for: .seconds(1))
            try program.write("\n")
            try await program.waitForOutput("bytes")
            #expect(handled() < 15)
        }
    }
}
