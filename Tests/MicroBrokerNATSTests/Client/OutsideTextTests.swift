import InMemoryLogging
import Logging
import MicroNATS
import MicroTestSupport
import NIOCore
import Testing

/// Words of a server that end up in log lines and errors.
@Suite("NATS texts from outside", .timeLimit(.minutes(1)))
struct OutsideTextTests {
    @Test("A server's words are one printable line, and its errors are logged seldom")
    func serverErrors() async throws {
        let server = try await FakeServer { _, heard, channel in FakeServer.welcome(heard, channel) }
        var configuration = NATSClient.Configuration(
            servers: [NATSServer(host: "127.0.0.1", port: server.port)])
        configuration.reconnectDelay = .milliseconds(10) ... .milliseconds(100)
        let log = InMemoryLogHandler()
        let events = try await withLogger(Logger(label: "test") { _ in log }) { _ in
            try await withClient(configuration) { client in
                let events = client.events
                let refusal = "-ERR 'Permissions Violation for Publish to \"\u{1B}[31m\u{9B}\u{202E}\"'\r\n"
                server.say(String(repeating: refusal, count: 500) + "-ERR 'so \u{9B}31m\u{2028}long'\r\n")
                var errors: [NATSError] = []
                for await event in events {
                    if let error = event.error { errors.append(error) }
                    if event.kind == .disconnected { break }
                }
                server.say("WHAT\u{1B}[31m \u{202E}\r\n")
                try await eventually("it connects again") { client.statistics.connections >= 2 }
                return errors
            }
        }
        let lines = log.entries.map { "\($0.message) \($0.metadata)" }
        #expect(lines.contains { $0.contains("u{9B}31m") && $0.contains("long") })
        #expect(lines.count < 50)
        for text in lines + events.map(\.message) {
            #expect(
                !text.unicodeScalars.contains { "\u{1B}\u{9B}\u{202E}\u{2028}\n".unicodeScalars.contains($0) }
            )
        }
        await server.stop()
    }
}
