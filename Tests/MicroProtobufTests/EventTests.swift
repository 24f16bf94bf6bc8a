import Micro
import MicroBrokerMemory
import MicroCodecJSON
import MicroCodecProtobuf
import MicroCore
import MicroProtobuf
import MicroRegistryMemory
import MicroTestSupport
import MicroTransportMemory
import SwiftProtobuf
import Synchronization
import Testing

@Suite("Events of Protobuf messages", .timeLimit(.minutes(2)))
struct EventTests {
    @Test("they are published and read as go-micro's")
    func roundTrip() async throws {
        let exchange = MemoryBroker.Exchange()
        let (texts, types) = (Lines(), Lines())
        let service = MicroService(
            "shop", registry: MemoryRegistry(), broker: .memory(exchange),
            plugins: [.memoryTransport, .protobufCodec],
            configuration: ConfigurationSources(environment: ["MICRO_SERVER_DEREGISTRATION_DELAY": "0"])
        ) {
            Subscriber("t") { (event: Google_Protobuf_StringValue, context) in
                texts.add("\(event.value) \(context.contentSubtype)")
            }
        }
        let raw = MemoryBroker(exchange: exchange)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await raw.run() }
            _ = try await raw.subscribe(.init(topic: "t")) { received in
                types.add(received.event.header["Content-Type"] ?? "none")
                return .ack
            }
            try await service.withRunning { running in
                try await running.publish("t", Google_Protobuf_StringValue("a"))
                try await running.publish(
                    "t", Google_Protobuf_StringValue("b"), options: PublishOptions(contentSubtype: "json"))
                // The content types of go-micro's gRPC client, of its mucp client, and none at all.
                for type in [
                    "application/grpc+proto", "application/protobuf", "application/octet-stream", "",
                ] {
                    let event = BrokerEvent(
                        topic: "t", header: type.isEmpty ? [:] : ["Content-Type": type],
                        body: EncodedMessage([0x0A, 1, 0x63]))
                    try await raw.publish(event, to: "t")
                }
                try await eventually("six events each") { texts.all.count >= 6 && types.all.count >= 6 }
                #expect(running.record.endpoints?.first?.request?.values?.map(\.name) == ["value"])
            }
            group.cancelAll()
        }
        #expect(texts.all == ["a proto", "b json", "c proto", "c proto", "c proto", "c proto"])
        #expect(types.all.prefix(2) == ["application/protobuf", "application/json"])
    }
}

/// An event as a service without Protobuf has it.
private struct Value: Codable, Equatable { var value: String }

extension EventTests {
    private func shop(
        _ exchange: MemoryBroker.Exchange, @ServiceBuilder _ parts: () -> [any ServiceComponent]
    )
        -> MicroService
    {
        MicroService(
            "shop", registry: MemoryRegistry(), broker: .memory(exchange),
            plugins: [.memoryTransport, .protobufCodec, .jsonCodec],
            configuration: ConfigurationSources(environment: ["MICRO_SERVER_DEREGISTRATION_DELAY": "0"]),
            parts)
    }

    @Test("a message to a subscriber of a Codable type fails where it is published, unless it is JSON")
    func messageToCodable() async throws {
        let lines = Lines()
        let service = shop(MemoryBroker.Exchange()) {
            Subscriber("t") { (event: Value, context) in lines.add(event.value) }
        }
        try await service.withRunning { running in
            var message = Google_Protobuf_Option()
            message.name = "a"
            let error = await #expect(throws: MicroError.self) { try await running.publish("t", message) }
            #expect(error?.status == .invalidArgument)
            #expect(error?.detail.contains("application/protobuf; it reads application/json") == true)
            #expect(error?.detail.contains(#"PublishOptions(contentSubtype: "json")"#) == true)
            #expect(running.subscribers[0].undecodable == 1)
            try await running.publish("t", Value(value: "c"))
            try await eventually("an event") { !lines.all.isEmpty }
        }
        #expect(lines.all == ["c"])
    }

    @Test("a Codable event to a subscriber of a message is read as JSON")
    func codableToMessage() async throws {
        let lines = Lines()
        let service = shop(MemoryBroker.Exchange()) {
            Subscriber("t") { (event: Google_Protobuf_EnumValue, context) in
                lines.add("\(event.name) \(context.contentSubtype)")
            }
        }
        struct Named: Codable { var name: String }
        try await service.withRunning { running in
            try await running.publish("t", Named(name: "a"))
            try await running.publish("t", Named(name: "b"), options: PublishOptions(contentSubtype: "JSON"))
            try await eventually("two events") { lines.all.count >= 2 }
        }
        #expect(lines.all == ["a json", "b json"])
    }

    @Test("an event of a type that is neither names both ways out")
    func neither() async throws {
        struct Plain: Sendable {}
        try await shop(MemoryBroker.Exchange()) {}.withRunning { running in
            let error = await #expect(throws: MicroError.self) {
                try await running.publish(topic: "t", value: Plain(), options: PublishOptions())
            }
            #expect(error?.detail.contains("Codable") == true)
            #expect(error?.detail.contains(".proto") == true)
            #expect(error?.detail.contains("MicroCodecJSON") == true)
            #expect(error?.detail.contains("MicroCodecProtobuf") == true)
        }
    }
}

/// What subscribers were given.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func add(_ line: String) { lines.withLock { $0.append(line) } }
}
