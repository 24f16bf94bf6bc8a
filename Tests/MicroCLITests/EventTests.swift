import Foundation
import MicroTestSupport
import Testing

/// The built `micro` and the built example, which meet at an embedded broker over mDNS.
@Suite(.timeLimit(.minutes(2))) struct EventTests {
    private let mdns = ["MICRO_REGISTRY": "mdns", "MICRO_BROKER": "http"]

    private func newTopic() -> String { "news-\(UUID().uuidString.prefix(8).lowercased())" }

    private func startSubscriber(_ topic: String) async throws -> ForeignProgram {
        let program = try ForeignProgram(Programs.path("pubsub"), [topic], environment: mdns)
        try await program.waitForOutput("Service started.")
        return program
    }

    @Test func publishes() async throws {
        let topic = newTopic()
        let subscriber = try await startSubscriber(topic)
        let published = try await Programs.micro(
            "publish", topic, #"{"message":"Hello!"}"#, environment: mdns)
        #expect(published.status == 0, "\(published.errors)")
        #expect(published.output.isEmpty)

        let piped = try await Programs.micro(
            "publish", topic, "-", "--metadata", "a=b", "--broker", "http", input: #"{"message":"Piped"}"#,
            environment: ["MICRO_REGISTRY": "mdns"])
        #expect(piped.status == 0, "\(piped.errors)")

        let example = try ForeignProgram(
            Programs.path("pubsub"), ["publish", "By the example", topic], environment: mdns)
        #expect(try await example.exitStatus() == 0, "\(example.errorOutput)")
        // What it prints to a file is there when it ends.
        await subscriber.stop()
        #expect(subscriber.status == 0)
        #expect(
            subscriber.output == ["Hello!", "Piped", "By the example"].map { "\(topic): \($0)\n" }.joined())
    }

    @Test func movesToNATSByVariablesAlone() async throws {
        let port = try FreePort.tcp()
        let server = try ForeignProgram(
            "nats-server", ["-a", "127.0.0.1", "-p", "\(port)"], package: "nats-server")
        try await server.waitForOutput("Server is ready")
        let nats = [
            "MICRO_REGISTRY": "mdns", "MICRO_BROKER": "nats", "MICRO_BROKER_ADDRESS": "127.0.0.1:\(port)",
        ]
        let topic = newTopic()
        let subscriber = try ForeignProgram(Programs.path("pubsub"), [topic], environment: nats)
        try await subscriber.waitForOutput("Service started.")
        let example = try ForeignProgram(
            Programs.path("pubsub"), ["publish", "By the example", topic], environment: nats)
        #expect(try await example.exitStatus() == 0, "\(example.errorOutput)")
        let published = try await Programs.micro(
            "publish", topic, #"{"message":"By micro"}"#, environment: nats)
        #expect(published.status == 0, "\(published.errors)")
        // What it prints to a file is there when it ends, and its events are handled before that.
        try await Task.sleep(for: .milliseconds(500))
        await subscriber.stop()
        #expect(subscriber.output == "\(topic): By the example\n\(topic): By micro\n")
        await server.stop()
    }

    @Test func subscribesUntilItIsStopped() async throws {
        for signal in [SIGINT, SIGTERM] {
            let topic = newTopic()
            let program = try ForeignProgram(Programs.path("micro"), ["subscribe", topic], environment: mdns)
            var attempts = 0
            while !program.output.contains("\n"), attempts < 50 {
                attempts += 1
                let published = try await Programs.micro(
                    "publish", topic, "{\n  \"n\": 1\n}", "--metadata", "trace=7", environment: mdns)
                #expect(published.status == 0, "\(published.errors)")
            }
            let line = try #require(program.output.split(separator: "\n").first)
            #expect(
                line == #"{"topic":"\#(topic)","header":{"Content-Type":"application/json","Micro-Topic":""#
                    + #"\#(topic)","Trace":"7"},"body":{   "n": 1 }}"#)
            program.send(signal: signal)
            #expect(try await program.exitStatus() == 0, "\(program.errorOutput)")
            #expect(program.errorOutput.isEmpty)
        }
    }

    @Test func saysThatNobodySubscribes() async throws {
        let topic = newTopic()
        let published = try await Programs.micro("publish", topic, "{}", environment: mdns)
        #expect(published.status == 0)
        #expect(published.output.isEmpty)
        #expect(published.errors == "Nobody subscribes to \(topic): the event reached nobody.\n")

        let subscriber = try await startSubscriber(topic)
        let heard = try await Programs.micro("publish", topic, #"{"message":"x"}"#, environment: mdns)
        #expect(heard.errors.isEmpty, "\(heard.errors)")
        await subscriber.stop()
    }

    @Test func refusesWhatCanNotBeSent() async throws {
        let memory = ["MICRO_REGISTRY": "memory"]
        let json = try await Programs.micro("publish", "t", "oops", environment: memory)
        #expect(json.status == 64)
        #expect(json.errors.hasPrefix("The event is not JSON: "))

        let topic = try await Programs.micro("publish", "two words", "{}", environment: memory)
        #expect(topic.status == 64)
        #expect(topic.errors.contains("two words"))

        let broker = try await Programs.micro(
            "publish", "t", "{}", "--broker", "pigeon", environment: memory)
        #expect(broker.status == 64)
        #expect(broker.errors.contains("pigeon"))
        #expect(broker.errors.contains("Linked: http, memory, nats"))

        let subscribed = try await Programs.micro("subscribe", "two words", environment: memory)
        #expect(subscribed.status == 64)
        #expect(subscribed.errors.contains("space"))
    }
}
