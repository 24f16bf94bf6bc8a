import MicroCore
import MicroHTTP1
import MicroPluginKit
import MicroTestSupport
import Testing

/// The bound on the bytes of requests that a server holds at once.
@Suite(.timeLimit(.minutes(1))) struct HTTP1BodyBudgetTests {
    private let entered = Log<String>()
    private let gate = Latch()

    /// Runs a server with room for 10 bytes, and as much again for the target `/other`.
    ///
    /// Its handler notes the target, and waits at the gate if the target is `/stuck`.
    private func withServer(
        limits: HTTP1Limits = HTTP1Limits(), _ body: @escaping @Sendable (String) async throws -> Void
    ) async throws {
        let (common, other) = (HTTP1BodyBudget(limit: 10, share: 10), HTTP1BodyBudget(limit: 10, share: 10))
        let (entered, gate) = (entered, gate)
        let server = try await HTTP1Server.open(
            on: .host("127.0.0.1", port: 0), limits: limits, budget: { $0 == "/other" ? other : common }
        ) { request in
            entered.add(request.target)
            if request.target.hasPrefix("/stuck") { await gate.wait() }
            return HTTP1Response(status: 200, body: request.body)
        }
        do { try await body(server.address.description) } catch {
            await server.shutdown(deadline: .now)
            throw error
        }
        await server.shutdown(deadline: .now)
    }

    private func send(_ target: String, bytes: Int, to address: String) async throws {
        let body = [UInt8](repeating: 7, count: bytes)
        let response = try await HTTP1Client().send(
            HTTP1Request(target: target, body: body), to: address, as: .host("x"), timeout: .seconds(50))
        #expect(response.status == 200)
        #expect(response.body == body)
    }

    @Test func whatHasNoRoomWaits() async throws {
        try await withServer { address in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await send("/stuck", bytes: 6, to: address) }
                try await entered.wait(for: 1)
                group.addTask { try await send("/large", bytes: 7, to: address) }
                try await Task.sleep(for: .milliseconds(100))
                // It is in the way of others of its budget, but not of those of another one.
                group.addTask { try await send("/small", bytes: 1, to: address) }
                try await Task.sleep(for: .milliseconds(100))
                try await send("/other", bytes: 10, to: address)
                // What would have room waits for its turn.
                #expect(entered.all == ["/stuck", "/other"])
                gate.open()
                try await group.waitForAll()
                #expect(entered.all.dropFirst(2).sorted() == ["/large", "/small"])
            }
        }
    }

    @Test func oneRequestAloneMayBeLarger() async throws {
        try await withServer { address in
            for _ in 0..<3 { try await send("/large", bytes: 1 << 20, to: address) }
        }
    }

    @Test func whoeverGivesUpMakesWay() async throws {
        try await withServer { address in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await send("/stuck", bytes: 6, to: address) }
                try await entered.wait(for: 1)
                await withTaskGroup { impatient in
                    // The end of a connection is seen at once, or only behind what was sent before it.
                    for bytes in [20, 1 << 20, 20] {
                        impatient.addTask { try? await send("/never", bytes: bytes, to: address) }
                    }
                    try? await Task.sleep(for: .milliseconds(100))
                    impatient.cancelAll()
                }
                group.addTask { try await send("/last", bytes: 6, to: address) }
                gate.open()
                try await group.waitForAll()
            }
        }
    }

    /// However a request ends, its room is given back.
    @Test func whateverEndsARequestGivesItsRoomBack() async throws {
        var limits = HTTP1Limits()
        limits.maximumBodySize = 100
        limits.bodyTimeout = .milliseconds(200)
        try await withServer(limits: limits) { address in
            for (request, status) in [
                ("Content-Length: 9\\r\\n\\r\\nslow", "408"), ("Content-Length: 101\\r\\n\\r\\n", "413"),
                ("Transfer-Encoding: chunked\\r\\n\\r\\nnonsense", "400"),
                ("Content-Length: 3\\r\\nConnection: close\\r\\n\\r\\nabc", "200"),
            ] {
                let answer = try await Python.run(
                    Python.raw, address, "POST / HTTP/1.1\\r\\nHost: x\\r\\n" + request)
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
            }
            await withTaskGroup { group in
                group.addTask { try? await send("/stuck", bytes: 10, to: address) }
                try? await entered.wait(for: 2)
                group.cancelAll()
            }
            // All of the budget is there again.
            try await send("/last", bytes: 10, to: address)
        }
    }
}
