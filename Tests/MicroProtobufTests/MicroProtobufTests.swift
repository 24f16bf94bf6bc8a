import Micro
import MicroCodecProtobuf
import MicroCore
import MicroProtobuf
import MicroRegistryMemory
import MicroTransportMemory
import SwiftProtobuf
import Testing

private typealias Text = Google_Protobuf_StringValue
private typealias Count = Google_Protobuf_Int32Value

private let plugins: Plugins = [.memoryTransport, .memoryRegistry, .protobufCodec]

@Suite("Endpoints and calls of Protobuf messages", .timeLimit(.minutes(2)))
struct MicroProtobufTests {
    private func withService(_ body: (MicroClient) async throws -> Void) async throws {
        let service = MicroService(
            "greeter", registry: MemoryRegistry(), plugins: plugins,
            configuration: ConfigurationSources(environment: ["MICRO_SERVER_DEREGISTRATION_DELAY": "0"])
        ) {
            Endpoint("/greeter.v1.Greeter/Hello") { (request: Text, context) in
                Text("Hello, \(request.value)!")
            }
            Endpoint("Greeter.Count") { (request: Count, replies: MessageWriter<Count>, context) in
                for number in 1...request.value { try await replies.write(Count(number)) }
            }
            Endpoint("Greeter.Sum") { (requests: MessageStream<Count>, context) in
                var sum: Int32 = 0
                for try await request in requests { sum += request.value }
                return Count(sum)
            }
            Endpoint("Greeter.Echo") {
                (requests: MessageStream<Text>, replies: MessageWriter<Text>, context) in
                for try await request in requests { try await replies.write(request) }
            }
        }
        try await service.withRunning { try await body($0.client) }
    }

    @Test("a unary call, encoded as Protobuf and as JSON")
    func unary() async throws {
        try await withService { client in
            for subtype in [nil, "proto", "json"] {
                let reply = try await client.call(
                    "greeter", "Greeter.Hello", Text("Ada"), returning: Text.self,
                    options: CallOptions(contentSubtype: subtype))
                #expect(reply.value == "Hello, Ada!")
            }
            let method = RPCMethod<Text, Text>("greeter", "Greeter.Hello")
            let reply = try await client.call(method, Text("Bo"))
            #expect(reply.value == "Hello, Bo!")
        }
    }

    @Test("the Protobuf encoding is the default, so any gRPC client can call")
    func encoding() async throws {
        try await withService { client in
            let reply = try await client.callRaw(
                "greeter", "/greeter.v1.Greeter/Hello", message: EncodedMessage([0x0A, 1, 0x78]),
                contentSubtype: "")
            #expect(reply.message.bytes == [0x0A, 9] + Array("Hello, x!".utf8))
        }
    }

    @Test("all shapes of streams")
    func streams() async throws {
        try await withService { client in
            let numbers = try await client.stream(
                "greeter", "Greeter.Count", Count(3), returning: Count.self
            ) { replies in
                var numbers: [Int32] = []
                for try await reply in replies { numbers.append(reply.value) }
                return numbers
            }
            #expect(numbers == [1, 2, 3])
            let sum = try await client.stream(
                "greeter", "Greeter.Sum", sending: Count.self, returning: Count.self
            ) { try await $0.write(contentsOf: [1, 2, 3].map { Count($0) }) }
            #expect(sum.value == 6)
            let echo = try await client.stream(
                "greeter", "Greeter.Echo", sending: Text.self, returning: Text.self
            ) { requests, replies in
                try await requests.write(Text("x"))
                return try await replies.next()
            }
            #expect(echo?.value == "x")
        }
    }

    @Test("messages are described with the names of their definition and Go's names of types")
    func description() {
        let record = ValueRecord(describingMessage: Google_Protobuf_Api.self)
        #expect(record.name == "Api" && record.type == "Api")
        let fields = (record.values ?? []).map { "\($0.name) \($0.type)" }
        #expect(
            fields.prefix(4) == ["name string", "methods []Method", "options []Option", "version string"])
        #expect(fields.contains("source_context SourceContext"))
        let context = record.values?.first { $0.name == "source_context" }
        #expect(context?.values == [ValueRecord(name: "file_name", type: "string")])
        #expect(
            ValueRecord(describingMessage: Text.self).values == [ValueRecord(name: "value", type: "string")])
    }

    @Test func anEnumerationIsDescribedByItsNames() throws {
        let fields = try #require(ValueRecord(describingMessage: Google_Protobuf_Field.self).values)
        let cardinality = try #require(fields.first { $0.name == "cardinality" })
        #expect(
            cardinality.values?.map(\.name) == [
                "CARDINALITY_UNKNOWN", "CARDINALITY_OPTIONAL", "CARDINALITY_REQUIRED", "CARDINALITY_REPEATED",
            ])
        #expect(cardinality.values?.allSatisfy { $0.type == "enum" && $0.values == nil } == true)
        // It has the value 0, which is the default, and a name of its own.
        #expect(fields.first { $0.name == "kind" }?.values?.first?.name == "TYPE_UNKNOWN")
    }

    @Test("messages that contain themselves end at the third level")
    func recursion() {
        let record = ValueRecord(describingMessage: Google_Protobuf_DescriptorProto.self)
        #expect(
            record.values?.contains { $0.name == "nested_type" && $0.type == "[]DescriptorProto" } == true)
    }
}
