import MicroNATS
import MicroTestSupport
import NIOCore
import Testing

/// Numbers of a server that no honest one sends.
@Suite("NATS numbers at their limits", .timeLimit(.minutes(2)))
struct OutsideNumberTests {
    private static let numbers = [
        "0", "-1", "1", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
        "18446744073709551615", "18446744073709551616", "999999999999999999", "",
    ]

    @Test("Any numbers in a reply subject leave the client alive, and impossible ones are dropped")
    func replySubjects() async throws {
        let server = try await FakeServer { _, heard, channel in FakeServer.welcome(heard, channel) }
        var configuration = NATSClient.Configuration(
            servers: [NATSServer(host: "127.0.0.1", port: server.port)])
        configuration.reconnectDelay = .milliseconds(10) ... .milliseconds(100)
        try await withClient(configuration) { client in
            let puller = try await JetStreamPuller(JetStream(client), stream: "S", consumer: "c")
            try await client.flush()
            var sent = ""
            for deliveries in Self.numbers {
                for sequence in Self.numbers {
                    sent += "MSG x 1 $JS.ACK.S.c.\(deliveries).\(sequence).1.1.0 0\r\n\r\n"
                }
            }
            server.say(sent + "MSG x 1 $JS.ACK.S.c.7.8.1.1.0 0\r\n\r\n")
            var received: [[UInt64]] = []
            while let message = try await puller.next(asking: 1) {
                #expect(message.deliveries >= 1)
                #expect((1 ..< .max).contains(message.streamSequence))
                try await message.refuse(after: .milliseconds(1))
                received.append([UInt64(message.deliveries), message.streamSequence])
                if received.last == [7, 8] { break }
            }
            // Three possible numbers of deliveries, with four possible sequences.
            #expect(received.count == 3 * 4 + 1)
            #expect(client.statistics.connections == 1)
        }
        await server.stop()
    }

    @Test("Any number in INFO leaves the client alive", arguments: numbers)
    func info(_ number: String) async throws {
        let server = try await FakeServer { _, heard, channel in FakeServer.welcome(heard, channel) }
        var configuration = NATSClient.Configuration(
            servers: [NATSServer(host: "127.0.0.1", port: server.port)])
        configuration.reconnectDelay = .milliseconds(10) ... .milliseconds(100)
        try await withClient(configuration) { client in
            let value = number.isEmpty ? "null" : number
            server.say("INFO {\"max_payload\":\(value),\"connect_urls\":[\"h:\(value)\",\"h:99999\"]}\r\n")
            // An answer, or another connection after something that isn't INFO.
            try await eventually("it goes on") {
                guard (try? await client.flush(timeout: .seconds(1))) != nil else { return false }
                return true
            }
        }
        await server.stop()
    }
}
