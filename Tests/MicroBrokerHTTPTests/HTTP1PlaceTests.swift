import MicroCore
import MicroTestSupport
import Synchronization
import Testing

@testable import MicroHTTP1

/// Peers that take places and room on a server and give nothing.
@Suite(.timeLimit(.minutes(1))) struct HTTP1PlaceTests {
    private func withServer(
        limits: HTTP1Limits = HTTP1Limits(), budget: HTTP1BodyBudget = HTTP1BodyBudget(),
        _ body: @escaping @Sendable (String) async throws -> Void
    ) async throws {
        let server = try await HTTP1Server.open(
            on: .host("127.0.0.1", port: 0), limits: limits, budget: { _ in budget }
        ) { request in HTTP1Response(status: 200, body: Array("\(request.body.count)".utf8)) }
        do { try await body(server.address.description) } catch {
            await server.shutdown(deadline: .now)
            throw error
        }
        await server.shutdown(deadline: .now)
    }

    /// Opens connections from 127.0.0.9, writes some bytes to each, and says so; then waits for a line.
    private static let occupier = """
        import socket, sys
        host, port = sys.argv[1].rsplit(":", 1)
        count, head, body = int(sys.argv[2]), sys.argv[3].encode().decode("unicode_escape").encode(), int(sys.argv[4])
        sockets = []
        for number in range(count):
            s = socket.create_connection((host, int(port)), timeout=20, source_address=("127.0.0.9", 0))
            s.setblocking(False)
            sockets.append(s)
            data = head + b"x" * body
            try:
                while data: data = data[s.send(data):]
            except (BlockingIOError, OSError): pass
        print("ready", flush=True)
        sys.stdin.readline()
        """

    private func occupy(_ address: String, _ count: Int, _ head: String, body: Int) async throws
        -> ForeignProgram
    {
        let program = try ForeignProgram(
            "python3", ["-c", Self.occupier, address, "\(count)", head, "\(body)"], package: "python3")
        try await program.waitForOutput("ready")
        return program
    }

    private func post(_ bytes: Int, to address: String) async throws -> String {
        let request = HTTP1Request(body: [UInt8](repeating: 7, count: bytes))
        let response = try await HTTP1Client().send(
            request, to: address, as: .host("x"), timeout: .seconds(50))
        #expect(response.status == 200)
        return String(decoding: response.body, as: UTF8.self)
    }

    @Test func silentPostsTakeNoRoom() async throws {
        let budget = HTTP1BodyBudget()
        try await withServer(budget: budget) { address in
            let head = "POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 4194304\\r\\n\\r\\n"
            let silent = try await occupy(address, 100, head, body: 0)
            #expect(budget.bytes == 0)
            let start = ContinuousClock.now
            #expect(try await post(4 << 20, to: address) == "4194304")
            // Far below the time after which silent ones are let go.
            #expect(ContinuousClock.now - start < .seconds(4))
            await silent.stop()
        }
    }

    @Test func halvesOfBodiesLeaveTheShareOfOthers() async throws {
        let budget = HTTP1BodyBudget(limit: 4 << 20)
        try await withServer(budget: budget) { address in
            let head = "POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 4194304\\r\\n\\r\\n"
            let halves = try await occupy(address, 30, head, body: 2 << 20)
            try await eventually("the halves take room") { budget.bytes >= 1 << 20 }
            #expect(try await post(1 << 20, to: address) == "1048576")
            await halves.stop()
        }
    }

    @Test(arguments: ["POST / HT", "POST / HTTP/1.1\\r\\nContent-Length: 5\\r\\n\\r\\n"])
    func halfSentRequestsMakeWay(_ half: String) async throws {
        var limits = HTTP1Limits()
        limits.maximumConnections = 50
        try await withServer(limits: limits) { address in
            let lines = try await occupy(address, 200, half, body: 0)
            for _ in 0..<5 { #expect(try await post(10, to: address) == "10") }
            await lines.stop()
        }
    }

    @Test(arguments: [true, false]) func bodiesMustComeAtAMinimumRate(_ isFast: Bool) async throws {
        var limits = HTTP1Limits()
        limits.bodyRateInterval = .seconds(1)
        limits.minimumBodyBytes = isFast ? 2 : 1000
        try await withServer(limits: limits) { address in
            let drip = """
                import socket, sys, time
                host, port = sys.argv[1].rsplit(":", 1)
                s = socket.create_connection((host, int(port)), timeout=20)
                s.sendall(b"POST / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\nContent-Length: 30\\r\\n\\r\\n")
                try:
                    for _ in range(30):
                        s.sendall(b"x")
                        time.sleep(0.05)
                except OSError: pass
                print(s.recv(100).decode())
                """
            let answer = try await Python.run(drip, address)
            #expect(answer.hasPrefix(isFast ? "HTTP/1.1 200" : "HTTP/1.1 408"), "\(answer)")
        }
    }

    @Test func theOldestGoesOnWhereAllWouldWait() {
        let budget = HTTP1BodyBudget(limit: 10, share: 10)
        let entered = Log<Int>()
        let (first, second) = (budget.enter(from: "a"), budget.enter(from: "b"))
        #expect(budget.take(5, for: first) {})
        #expect(budget.take(5, for: second) {})
        // The budget is full of halves. The second waits, and the first doesn't, or both would.
        #expect(!budget.take(5, for: second) { entered.add(2) })
        #expect(budget.take(5, for: first) {})
        #expect(budget.bytes == 15)
        // Once it is complete it will leave, so nobody else may go beyond the limit.
        budget.complete(first)
        let third = budget.enter(from: "c")
        #expect(!budget.take(1, for: third) { entered.add(3) })
        #expect(entered.all.isEmpty)
        budget.leave(first)
        #expect(entered.all == [2])
        budget.leave(second)
        #expect(entered.all == [2, 3])
        budget.leave(third)
        budget.leave(third)
        #expect(budget.bytes == 0)
    }

    @Test func anAddressWaitsForItselfBeyondItsShare() {
        let budget = HTTP1BodyBudget(limit: 40, share: 10)
        let entered = Log<Int>()
        let numbers = (0..<3).map { _ in budget.enter(from: "a") }
        #expect(budget.take(10, for: numbers[0]) {})
        budget.complete(numbers[0])
        #expect(!budget.take(4, for: numbers[1]) { entered.add(1) })
        #expect(!budget.take(4, for: numbers[2]) { entered.add(2) })
        // Others don't wait behind them.
        let other = budget.enter(from: "b")
        #expect(budget.take(10, for: other) {})
        budget.leave(numbers[0])
        #expect(entered.all == [1, 2])
        #expect(budget.bytes == 18)
    }
}
