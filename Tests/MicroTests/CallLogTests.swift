import InMemoryLogging
import Logging
import MicroCore
import MicroTestSupport
import Testing

@testable import Micro

/// The access log, and the log of slow calls.
@Suite(.timeLimit(.minutes(2))) struct CallLogTests {
    private func lines(
        _ environment: [String: String], _ body: (MicroClient) async throws -> Void
    ) async throws -> [InMemoryLogHandler.Entry] {
        let log = InMemoryLogHandler()
        var logger = Logger(label: "test") { _ in log }
        logger.logLevel = .info
        try await withLogger(logger) { _ in
            let service = makeService(environment: environment) {
                hello
                Endpoint("Greeter.Slow") { (request: HelloRequest, context) in
                    try await Task.sleep(for: .milliseconds(20))
                    return HelloReply(message: "")
                }
            }
            try await service.withRunning { running in try await body(running.client) }
        }
        return log.entries.filter { $0.message.description.hasPrefix("A call was") }
    }

    @Test func isOffByDefault() async throws {
        #expect(try await lines([:]) { _ = try await $0.hello() }.isEmpty)
    }

    @Test func aCallIsOneLine() async throws {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        let lines = try await lines(["MICRO_LOG_ACCESS": "on"]) { client in
            _ = try await client.hello(
                options: CallOptions(metadata: ["traceparent": "00-\(trace)-00f067aa0ba902b7-01"]))
            _ = try? await client.callRaw(
                "greeter", "Greeter.No\u{1B}[31m", message: EncodedMessage(), contentSubtype: "json")
        }
        #expect(lines.count == 2)
        let first = try #require(lines.first)
        #expect(first.level == .info)
        #expect(first.metadata["rpc.method"] == "Greeter.Hello")
        #expect(first.metadata["rpc.response.status_code"] == "OK")
        #expect(first.metadata["rpc.request.size"] == "16")
        #expect(first.metadata["rpc.response.size"] == "27")
        #expect(first.metadata["trace_id"] == "\(trace)")
        #expect(first.metadata["client.address"]?.description.hasPrefix("memory:") == true)
        #expect(first.metadata["micro.duration"]?.description.hasSuffix(" ms") == true)
        let refused = try #require(lines.last)
        #expect(refused.metadata["rpc.response.status_code"] == "UNIMPLEMENTED")
        #expect(refused.metadata["rpc.method"]?.description.contains("\u{1B}") == false)
    }

    @Test func onlySlowCallsAreLogged() async throws {
        let lines = try await lines(["MICRO_LOG_SLOW_CALLS": "10ms"]) { client in
            _ = try await client.call(
                "greeter", "Greeter.Slow", HelloRequest(name: ""), returning: HelloReply.self)
        }
        #expect(lines.map(\.level) == [.warning])
        #expect(lines.first?.metadata["rpc.method"] == "Greeter.Slow")
        let none = try await self.lines(["MICRO_LOG_SLOW_CALLS": "1h"]) { _ = try await $0.hello() }
        #expect(none.isEmpty)
    }

    @Test func slowCallsDoNotFloodTheLog() async throws {
        let lines = try await lines(["MICRO_LOG_SLOW_CALLS": "1us"]) { client in
            for _ in 0..<200 { _ = try await client.hello() }
        }
        #expect(lines.count < 200)
        #expect(lines.count >= 10)
    }
}
