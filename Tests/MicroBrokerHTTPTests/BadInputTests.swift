import Foundation
import InMemoryLogging
import Logging
import MicroBrokerHTTP
import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTesting
import Testing

@Suite(.timeLimit(.minutes(2))) struct BadInputTests {
    private func withSubscription(
        configuration: HTTPBroker.Configuration = .init(),
        _ body: @escaping @Sendable (Node, HTTPBroker, Log<String>) async throws -> Void
    ) async throws {
        let registry = MemoryRegistry()
        let (broker, log) = (HTTPBroker(configuration: configuration), Log<String>())
        try await whileRunning(broker, registry: registry) {
            _ = try await broker.subscribe(.init(topic: "t")) {
                log.add(String(decoding: $0.event.body.bytes, as: UTF8.self))
                return .ack
            }
            let node = try #require(await registry.lookup("micro.http.broker").first?.nodes.first)
            try await body(node, broker, log)
            // Nothing else is lost by it.
            try await broker.publish(
                BrokerEvent(topic: "", body: EncodedMessage(Array("good".utf8))), to: "t")
            #expect(log.all == ["good"])
        }
    }

    @Test func envelopesThatAreNone() async throws {
        try await withSubscription { node, _, _ in
            for (id, body, status, text) in [
                (node.id, "", 500, "go.micro.broker"),
                (node.id, "{", 500, "Error parsing"),
                (node.id, "[]", 500, "Error parsing"),
                (node.id, #"{"Header":null,"Body":null}"#, 500, "Micro-Topic"),
                (node.id, #"{"Header":{"Micro-Topic":"t"},"Body":"?"}"#, 500, "base64"),
                (node.id, #"{"Header":{"Micro-Topic":7},"Body":""}"#, 500, "Error parsing"),
                (node.id, #"{"Header":{"Micro-Topic":"other"},"Body":""}"#, 404, "no such subscription"),
                ("t-unknown", #"{"Header":{"Micro-Topic":"t"},"Body":""}"#, 404, "no such subscription"),
                ("", #"{"Header":{"Micro-Topic":"t"},"Body":""}"#, 404, "no such subscription"),
            ] {
                let answer = try await Python.run(Python.post, node.address, id, body)
                #expect(answer.hasPrefix("\(status) {"), "\(body): \(answer)")
                #expect(answer.contains(text), "\(body): \(answer)")
            }
        }
    }

    @Test func whatIsLoggedOfAnEventIsOneLine() async throws {
        let (handler, lines) = (InMemoryLogHandler(), Log<String>())
        let logger = Logger(label: "test") { _ in handler }
        try await withLogger(logger) { _ in
            try await withSubscription { node, _, _ in
                for key in ["a\\nb\\u001b[31m", "\\u009b31m\\u202e"] {
                    let body = #"{"Header":{"\#(key)":7},"Body":""}"#
                    let answer = try await Python.run(Python.post, node.address, node.id, body)
                    #expect(answer.hasPrefix("500 {"), "\(answer)")
                }
            }
        }
        for entry in handler.entries { lines.add("\(entry.message) \(entry.metadata)") }
        let text = lines.all.joined()
        #expect(text.contains("An event can't be read."))
        #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x9B && $0.value != 0x202E })
    }

    @Test func aPublisherIsToldOfEventsThatASubscriberCannotRead() async throws {
        let (registry, log) = (MemoryRegistry(), Log<String>())
        let (publisher, subscriber) = (HTTPBroker(), HTTPBroker())
        try await whileRunning(publisher, subscriber, registry: registry) {
            let picky = EventHandler(
                check: { event throws(MicroError) in
                    guard event.header["Content-Type"] == "application/json" else {
                        throw MicroError(.invalidArgument, "It reads application/json.")
                    }
                }
            ) { received in
                log.add("picky \(received.event.header["Content-Type"] ?? "")")
                return .ack
            }
            _ = try await subscriber.subscribe(.init(topic: "t"), handler: picky)
            _ = try await subscriber.subscribe(.init(topic: "t")) { received in
                log.add("other \(received.event.header["Content-Type"] ?? "")")
                return .ack
            }
            func event(_ type: String) -> BrokerEvent {
                BrokerEvent(topic: "t", header: ["Content-Type": type], body: EncodedMessage(Array("x".utf8)))
            }
            let error = await #expect(throws: MicroError.self) {
                try await publisher.publish(event("application/protobuf"), to: "t")
            }
            #expect(error?.status == .invalidArgument)
            #expect(error?.detail == "It reads application/json.")
            // The others have got it all the same.
            #expect(log.all == ["other application/protobuf"])
            try await publisher.publish(event("application/json"), to: "t")
            #expect(log.all.sorted().last == "picky application/json")
        }
    }

    @Test func requestsThatAreNone() async throws {
        try await withSubscription(configuration: .init(maximumEventSize: 1024)) { node, _, _ in
            for (request, status) in [
                ("GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n", "405"),
                ("nonsense\\r\\n\\r\\n", "400"),
                ("POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 5000\\r\\n\\r\\n", "413"),
                ("POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: x\\r\\n\\r\\n", "400"),
                (
                    "POST / HTTP/1.1\\r\\nHost: x\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n800\\r\\n"
                        + String(repeating: "x", count: 2048), "413"
                ),
                ("POST / HTTP/1.1\\r\\nX: " + String(repeating: "x", count: 20_000) + "\\r\\n\\r\\n", "431"),
            ] {
                let answer = try await Python.run(Python.raw, node.address, request)
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(request.prefix(60)): \(answer)")
            }
        }
    }

    @Test func eventsAndTopicsThatCanNotBeSent() async throws {
        try await withSubscription(configuration: .init(maximumEventSize: 1024)) { _, broker, _ in
            let large = await #expect(throws: MicroError.self) {
                try await broker.publish(
                    BrokerEvent(topic: "", body: EncodedMessage([UInt8](repeating: 1, count: 2000))), to: "t")
            }
            #expect(large?.status == .invalidArgument)
            #expect(large?.detail.contains("MICRO_BROKER_MAX_EVENT_SIZE") == true)
            await #expect(throws: MicroError.self) {
                _ = try await broker.subscribe(.init(topic: "t", queue: "ff.http.broadcast")) { _ in .ack }
            }
        }
    }

    @Test func registryEntriesThatMakeNoSense() async throws {
        let registry = MemoryRegistry()
        for (number, (address, metadata)) in [
            ("nowhere", ["broker": "http", "secure": "false", "topic": "t"]),
            ("127.0.0.1:1", ["broker": "http", "secure": "true", "topic": "t"]),
            ("127.0.0.1:1", ["broker": "other", "topic": "t"]),
            ("127.0.0.1:1", [:]),
        ].enumerated() {
            try await registry.register(
                ServiceRecord(
                    name: "micro.http.broker", version: "ff.http.broadcast",
                    nodes: [Node(id: "n\(number)", address: address, metadata: metadata)]), timeToLive: nil)
        }
        let (broker, log) = (HTTPBroker(configuration: .init(retries: 0)), Log<String>())
        try await whileRunning(broker, registry: registry) {
            _ = try await broker.subscribe(.init(topic: "t")) {
                log.add($0.event.topic)
                return .ack
            }
            try await broker.publish(BrokerEvent(topic: "", body: EncodedMessage()), to: "t")
            #expect(log.all == ["t"])
        }
    }

    @Test func variablesThatCanNotBeUsed() throws {
        for (name, value) in [
            ("MICRO_BROKER_ADDRESS", "host:port"), ("MICRO_BROKER_ADDRESS", "unix:/tmp/x"),
            ("MICRO_BROKER_TIMEOUT", "soon"), ("MICRO_BROKER_RETRIES", "-1"),
            ("MICRO_BROKER_MAX_EVENT_SIZE", "big"), ("MICRO_BROKER_ADVERTISE", "host:port"),
        ] {
            let error = #expect(throws: StartError.self) {
                try HTTPBroker().prepare(.broker(MemoryRegistry(), variables: [name: value]))
            }
            #expect(error?.message.contains(value) == true, "\(name): \(error?.message ?? "")")
        }
        let withoutRegistry = PluginContext.testing(role: "broker")
        #expect(throws: StartError.self) { try HTTPBroker().prepare(withoutRegistry) }
    }

    @Test func variablesSetTheAddresses() async throws {
        let port = try FreePort.tcp()
        let (registry, broker) = (MemoryRegistry(), HTTPBroker())
        try await whileRunning(
            broker, registry: registry,
            variables: [
                "MICRO_BROKER_ADDRESS": "0.0.0.0:\(port)", "MICRO_BROKER_ADVERTISE": "broker.example",
            ]
        ) {
            _ = try await broker.subscribe(.init(topic: "t")) { _ in .ack }
            let node = try #require(await registry.lookup("micro.http.broker").first?.nodes.first)
            #expect(node.address == "broker.example:\(port)")
            let other = HTTPBroker(configuration: .init(address: .host("127.0.0.1", port: port)))
            try await whileRunning(other, registry: registry) {
                let error = await #expect(throws: StartError.self) {
                    _ = try await other.subscribe(.init(topic: "t")) { _ in .ack }
                }
                #expect(error?.code == .address)
            }
        }
    }

    @Test func runsLeaveNothingOpen() async throws {
        func descriptors() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        }
        func run() async throws {
            let (registry, first, second) = (MemoryRegistry(), HTTPBroker(), HTTPBroker())
            try await whileRunning(first, second, registry: registry) {
                _ = try await second.subscribe(.init(topic: "t")) { _ in .ack }
                try await first.publish(BrokerEvent(topic: "", body: EncodedMessage()), to: "t")
            }
        }
        try await run()
        let before = try descriptors()
        for _ in 0..<20 { try await run() }
        // Sockets are closed on their loops, a moment later.
        try await eventually("no more descriptors than before") { try descriptors() <= before }
    }
}
