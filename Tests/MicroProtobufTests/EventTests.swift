import Micro
import MicroBrokerMemory
import MicroCodecProtobuf
import MicroCore
import MicroProtobuf
import MicroRegistryMemory
import MicroTransportMemory
import SwiftProtobuf
import Synchronization
import Testing

@Suite("Events of Protobuf messages")
struct EventTests {
    @Test("they are published and read as go-micro's")
    func roundTrip() async throws {
        let exchange = MemoryBroker.Exchange()
        let (texts, types) = (Lines(), Lines())
        let service = MicroService(
            "shop", registry: MemoryRegistry(), broker: .memory(exchange),
            plugins: [.memoryTransport, .protobufCodec],
            configuration: ConfigurationSources(environment: ["MICRO_SERVER_SPREAD_DELAY": "0"])
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
                        body: Message([0x0A, 1, 0x63]))
                    try await raw.publish(event, to: "t")
                }
                while texts.all.count < 6 || types.all.count < 6 { await Task.yield() }
                #expect(running.record.endpoints?.first?.request?.values?.map(\.name) == ["value"])
            }
            group.cancelAll()
        }
        #expect(texts.all == ["a proto", "b json", "c proto", "c proto", "c proto", "c proto"])
        #expect(types.all.prefix(2) == ["application/protobuf", "application/json"])
    }
}

/// What subscribers were given.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func add(_ line: String) { lines.withLock { $0.append(line) } }
}
